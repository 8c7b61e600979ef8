"""What cannot be together is refused before anything is loaded, by the part that cannot."""

import dataclasses

import pytest
from helpers import set_up

from tf_gan_lth import gans
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.config import option
from tf_gan_lth.experiment.errors import ToolkitWarning, UsageError
from tf_gan_lth.methods import METHODS, Method
from tf_gan_lth.methods.checks import check
from tf_gan_lth.tasks import TASKS
from tf_gan_lth.tasks.noise_to_image import NoiseToImage

BOTH = ("generator", "discriminator")


def check_options(options, spec=None, method=None):
    config = configs.from_options(options)
    spec = spec or gans.find(config.networks.gan)
    check(config, spec, method or METHODS[config.lottery.method]())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"kd_weight": 1.0},
            "--kd_weight=1.0 teaches the pruned discriminator: it needs"
            " --prune=generator,discriminator",
        ),
        (
            {"kd_weight": 1.0, "prune": BOTH, "rounds": 0},
            "has no dense teacher in round 0",
        ),
        (
            {"criterion": "snip", "rounds": 2},
            "--criterion=snip ranks once, before training: it needs --rounds=1, not 2",
        ),
        (
            {"criterion": "snip", "rounds": 1, "prune": BOTH},
            "it needs --prune=generator",
        ),
        (
            {"criterion": "snip", "rounds": 1, "ranking_weights": "ema"},
            "snip ranks before training: it needs --ranking_weights=live, not ema",
        ),
        (
            {"criterion": "snip", "rounds": 1, "ranking_weights": "paper"},
            "snip ranks before training: it needs --ranking_weights=live, not paper",
        ),
        (
            {"criterion": "taylor", "ranking_weights": "ema"},
            "taylor takes gradients where training ended: it needs --ranking_weights=live, not ema",
        ),
        (
            {"criterion": "random", "ranking_weights": "paper"},
            "random looks at no weights: it needs --ranking_weights=live, not paper",
        ),
        (
            {"gan": "cyclegan", "ranking_weights": "paper"},
            "--ranking_weights=paper: cyclegan keeps no averages",
        ),
        (
            {"gan": "cyclegan", "ranking_weights": "ema"},
            "--ranking_weights=ema: cyclegan keeps no averages",
        ),
        (
            {"rewind": False, "generator_start": "dense"},
            "--norewind goes on from the round before: it excludes .* --generator_start",
        ),
        (
            {"rewind_step": 5, "generator_start": "dense"},
            "--generator_start=dense rewinds no generator: it needs --rewind_step=0, not 5",
        ),
        (
            {
                "method": "gan_slimming",
                "unit": "channel",
                "budget": "macs",
                "budgets": [0.5],
                "rounds": 1,
                "generator_start": "dense",
            },
            "--method=gan_slimming says what generators start from: leave out --generator_start",
        ),
        (
            {"rewind": False, "branches": ["random_ticket"]},
            "--branches=random_ticket rewinds to weights of its own, which --norewind excludes",
        ),
        (
            {"criterion": "snip", "rounds": 1, "precision": "mixed_float16"},
            "--precision=mixed_float16: the gradients that rank weights would vanish",
        ),
        (
            {"branches": ["snip"], "precision": "mixed_float16"},
            "--precision=mixed_float16: the gradients that rank weights would vanish",
        ),
        (
            {"rewind": False, "rewind_step": 5},
            "--norewind goes on from the round before: it excludes --rewind_step",
        ),
        (
            {"rewind_step": 5, "discriminator_start": "second_seed"},
            "--discriminator_start=second_seed has no weights of step 5",
        ),
        ({"loss": "hinges"}, "unknown loss 'hinges': did you mean 'hinge'"),
        (
            {"criterion": "snap"},
            "unknown criterion 'snap': did you mean 'snip'. Known: gamma_l1, l2_norm",
        ),
        ({"prune": ["discriminator"]}, "--prune=discriminator must name the generator"),
        (
            {"prune": ["generator", "mapping"]},
            "--prune=mapping: sngan has networks of roles discriminator, generator",
        ),
        ({"discriminator_start": "sparse"}, "unknown value of --discriminator_start 'sparse'"),
        ({"generator_start": "second_seed"}, "unknown value of --generator_start 'second_seed'"),
        ({"ranking": "local"}, "unknown value of --ranking 'local'"),
        ({"colour": 3}, "--colour=3 is no option of sngan: leave it out"),
        ({"width": 0}, "--width=0 is out of range: it must be at least 1"),
        ({"width": "wide"}, "--width=wide is not understood: expected int"),
        ({"terms": ["r2:1"]}, "unknown loss term 'r2': did you mean 'r1'"),
        ({"mask_update": "statik"}, "unknown mask update 'statik': did you mean 'static'"),
    ],
)
def test_impossible_combinations_are_refused_at_once(options, message):
    with pytest.raises(UsageError, match=message):
        check_options(options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rewind_step": 2}, "--rewind_step=2 is beyond the 2 steps of a round"),
        (
            {"exclude": ["to_imag"]},
            "--exclude=to_imag fits none of the layers that are pruned: generator/block_1/conv_1, ",
        ),
        ({"exclude": ["*"]}, r"--exclude=\* leaves nothing of the generator to prune"),
    ],
)
def test_what_the_networks_cannot_do_is_refused_before_the_folder_is_claimed(
    tiny_options, tmp_path, options, message
):
    with pytest.raises(UsageError, match=message):
        set_up({**tiny_options, **options}, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_branch_rounds_that_never_come_are_said():
    with pytest.warns(
        ToolkitWarning, match="no branch is trained: --branch_rounds=5,10 is beyond --rounds=4"
    ):
        check_options({"rounds": 4})


def test_the_order_of_what_is_pruned_is_no_other_experiment():
    first, second = (configs.from_options({"prune": words}) for words in (BOTH, BOTH[::-1]))
    assert first.digest == second.digest and first.lottery.prune == second.lottery.prune == BOTH


class Patient(Method):
    """A method that says itself what it takes, and what it cannot be combined with."""

    @dataclasses.dataclass(frozen=True)
    class Options:
        pace: int = option(1, "how slowly", low=1)

    def complaints(self, config, gan):
        if config.lottery.rounds > self.Options().pace:
            yield f"--rounds={config.lottery.rounds}: a patient method has one, also for {gan.name}"

    def candidates(self, bench, replicate):
        yield from ()


def test_a_method_says_what_it_takes_and_what_it_cannot():
    with pytest.raises(UsageError, match="--rounds=2: a patient method has one, also for sngan"):
        check_options({"rounds": 2, "branches": ()}, method=Patient())
    check_options({"rounds": 1, "branches": (), "pace": 3}, method=Patient())
    with pytest.raises(UsageError, match="a lottery of its own, which --method=patient is not"):
        options = {"rounds": 1, "branches": ["random_ticket"], "method": "patient"}
        check_options(options, method=Patient())
    with pytest.raises(UsageError, match="--pace=0 is out of range"):
        check_options({"rounds": 1, "branches": (), "pace": 0}, method=Patient())
    with pytest.raises(UsageError, match="--pace=3 is no option of sngan"):
        check_options({"pace": 3})


def test_a_gan_says_what_it_cannot():
    def complaints(config):
        if config.training.jit_compile:
            yield "--jit_compile is not for this GAN"

    spec = dataclasses.replace(gans.find("sngan"), complaints=complaints)
    check_options({}, spec)
    with pytest.raises(UsageError, match="--jit_compile is not for this GAN"):
        check_options({"jit_compile": True}, spec)


class StillImages(NoiseToImage):
    """A task that says what it cannot be combined with."""

    @staticmethod
    def complaints(config, gan):
        if config.data.resolution > 64:
            yield f"--resolution={config.data.resolution}: {gan.task} are small"


@pytest.fixture
def still_images():
    TASKS.register(StillImages, name="still_images")
    yield
    TASKS.remove("still_images")


def test_a_task_says_what_it_cannot(still_images):
    spec = dataclasses.replace(gans.find("sngan"), task="still_images")
    check_options({}, spec)
    with pytest.raises(UsageError, match="--resolution=128: still_images are small"):
        check_options({"resolution": 128}, spec)
    unknown = dataclasses.replace(spec, task="still_imags")
    with pytest.raises(UsageError, match="unknown task 'still_imags': did you mean 'still_images'"):
        check_options({}, unknown)
