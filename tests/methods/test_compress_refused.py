"""What a compression cannot be is refused in one line, before anything is trained or written."""

import shutil

import numpy as np
import pytest
import tf_keras as keras
from absl import flags
from compressions import BUDGETS, set_up

import tf_gan_lth as lth
from tf_gan_lth.cli import command_line, compress
from tf_gan_lth.experiment.errors import MaskError, UsageError
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.methods import compressing


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"method": "imp"},
            "--method=imp is no compressor; known: coevolution, distillation, fine",
        ),
        ({"method": "finetunin"}, "unknown method 'finetunin': did you mean 'finetuning'"),
        ({"budgets": ()}, "takes shares of the generators' MACs, each once: --budgets=0.5,0.25"),
        ({"budgets": (0.5, 0.5)}, "takes shares of the generators' MACs, each once"),
        ({"budgets": (1.5,)}, "--budgets=1.5 is out of range: it must be from 0.0 to 1.0"),
        ({"budgets": (0.5, 0.01)}, "--budgets=0.01 cannot be reached: .* keeps .*% of its MACs"),
        ({"gan": "cyclegan"}, "--gan=cyclegan, but the dense GAN of .* was trained with sngan"),
        ({"resolution": 32}, "--resolution=32, but the dense GAN of .* was trained with 16"),
        ({"dataset": "cifar10"}, "--dataset=cifar10, but the dense GAN .* was trained with digits"),
        ({"width": 16}, "--width=16, but the dense GAN of .* was trained with 8: leave it out"),
        ({"loss": "wasserstein"}, "--loss=wasserstein, but the dense GAN .* with hinge"),
        ({"terms": ("r1:2",)}, "--terms=r1:2, but the dense GAN of .* was trained with 0.1"),
        (
            {"terms": ("distill_images:5", "distill_images:3")},
            "--terms: distill_images is there 2 times",
        ),
        ({"protocol": "paper"}, "--protocol=paper, but the dense GAN of .* with digits"),
        ({"rounds": 5}, "--rounds=5 is for finding tickets: a compression has 2; leave it out"),
        ({"unit": "element"}, "--unit=element is for finding tickets: a compression has channel"),
        ({"rewind_step": 1}, "--rewind_step=1 is for finding tickets"),
        ({"blocks": 3}, "--blocks=3 is no option of sngan: leave it out"),
        ({"discriminator_start": "rewound"}, "it needs --discriminator_start=dense"),
        ({"branches": ("not_rewound",)}, "not_rewound is for rounds that go on from each other"),
        (
            {"replicates": 3, "dense": "run"},
            "replicate_2 is not there: run the command that trains",
        ),
        ({"dense": "nowhere"}, "--dense=.*nowhere is no dense GAN: expected RUN/replicate_0"),
        ({"dense": "round"}, "round_00 is no dense GAN: expected RUN/replicate_0"),
        (
            {"method": "gan_slimming", "criterion": "taylor"},
            "taylor: --method=gan_slimming ranks by",
        ),
        ({"criterion": "snip"}, "before training: it needs a single one of --budgets"),
        (
            {"criterion": "taylor", "ranking_weights": "ema"},
            "--criterion=taylor takes gradients where training ended: it needs",
        ),
        (
            {"method": "coevolution", "criterion": "l2_norm"},
            "--criterion=l2_norm: --method=coevolution searches for channels, ranking none",
        ),
        (
            {"method": "coevolution", "steps": 1},
            "--steps=1 are too few for --method=coevolution: the smallest search, of 2 individuals",
        ),
        ({"method": "gan_slimming", "steps": 1}, "--slimming_share=0.5 leaves one of the phases"),
        (
            {"method": "gan_compression", "steps": 1},
            "--supernet_share=0.5 leaves one of the phases of gan_compression none of the 1 steps",
        ),
        (
            {"method": "gan_compression", "steps": 2},
            "--steps=2 are too few for --method=gan_compression: the smallest search, of 2"
            " individuals on 8 images, takes as long as 1 after the 1 of the phase before it",
        ),
        (
            {"method": "gan_compression", "budgets": (0.5, 0.2), "widths": (1.0, 0.5)},
            "--budgets=0.2 cannot be reached: with the smallest of --widths in every layer the"
            " generator keeps .*% of its MACs; give larger budgets, a smaller width, or --prune",
        ),
        (
            {"method": "gan_compression", "widths": (0.5, 0.0)},
            "--widths=0.5,0.0: expected shares above 0",
        ),
        (
            {"method": "gan_compression", "ranking": "layerwise"},
            "--ranking=layerwise: --method=gan_compression ranks channels within each layer",
        ),
        (
            {"method": "gan_compression", "student": "fresh", "criterion": "l2_norm"},
            "--criterion=l2_norm: --student=fresh leaves channels in their order, ranking none",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_any_training(dense, tmp_path, change, message):
    places = {
        "run": dense.run.path,
        "nowhere": tmp_path / "nowhere",
        "round": dense.replicate.round(0).path,
    }
    given = {"method": "finetuning", "budgets": BUDGETS, **change}
    path = places.get(given.pop("dense", None), dense.replicate.path)
    with pytest.raises(UsageError, match=message):
        set_up(path, tmp_path / "run", **given)
    assert not (tmp_path / "run").exists()


def test_a_dense_gan_that_is_not_finished_or_another_one_is_refused(dense, tmp_path):
    copy = tmp_path / "dense"
    shutil.copytree(dense.run.path, copy)
    run = RunFolder(copy)
    given = {"method": "finetuning", "budgets": (0.5,)}
    images = run.images.get()
    run.images.put({**images, "digest": "0"})
    with pytest.raises(UsageError, match="was trained on other images: digest is 0 there"):
        set_up(copy, tmp_path / "run", **given)
    run.images.put(images)
    record = run.config.get()
    run.config.put({**record, "used": {**record["used"], "network.discriminator": "0"}})
    with pytest.raises(MaskError, match="has another discriminator: the weights have the same"):
        set_up(copy, tmp_path / "run", **given)
    run.config.put({**record, "options": {**record["options"], "width": 6}})
    with pytest.raises(MaskError, match=r"another generator: .* is \(.*\) there and \(.*\) here"):
        set_up(copy, tmp_path / "run", **given)
    run.config.put(record)
    run.replicate(0).round(0).scores.path.unlink()
    with pytest.raises(UsageError, match="replicate_0 is not finished: run the command that"):
        set_up(copy, tmp_path / "run", **given)
    assert not (tmp_path / "run").exists()


def test_a_penalty_that_is_usual_for_the_gan_is_the_dense_gans(dense, tmp_path):
    copy = tmp_path / "dense"
    shutil.copytree(dense.run.path, copy)
    run = RunFolder(copy)
    record = run.config.get()
    run.config.put({**record, "options": {**record["options"], "gan": "wgan_gp", "terms": []}})
    given = {"method": "finetuning", "budgets": (0.5,)}
    config, _ = compressing.prepare(str(copy), {**given, "terms": ("gradient_penalty:10",)})
    assert config == compressing.prepare(str(copy), given)[0]
    for terms, has in [("gradient_penalty:5", "10.0"), ("r1:1", "none")]:
        with pytest.raises(UsageError, match=f"--terms={terms}, but .* trained with {has}: leave"):
            compressing.prepare(str(copy), {**given, "terms": (terms,)})


def test_channels_without_gammas_cannot_be_slimmed(tmp_path):
    generator = keras.Sequential(
        [
            keras.Input([8]),
            keras.layers.Dense(4 * 4 * 6, name="dense"),
            keras.layers.Reshape([4, 4, 6]),
            keras.layers.Conv2D(6, 3, padding="same", activation="relu", name="hidden"),
            keras.layers.UpSampling2D(),
            keras.layers.Conv2D(1, 3, padding="same", activation="tanh", name="to_image"),
        ],
        name="generator",
    )
    discriminator = keras.Sequential(
        [
            keras.Input([8, 8, 1]),
            keras.layers.Conv2D(4, 3, 2, name="down"),
            keras.layers.Flatten(),
            keras.layers.Dense(1, name="score"),
        ],
        name="discriminator",
    )
    gan = lth.GAN(generator=generator, discriminator=discriminator)
    images = np.random.default_rng(0).integers(0, 256, [100, 8, 8, 1], np.uint8)
    few = {"steps": 1, "rounds": 0, "num_eval_images": 100, "progress": False}
    few |= {"generator_batch_size": 4, "discriminator_batch_size": 4}
    dense = lth.find_ticket(gan, images, tmp_path / "dense", **few)
    given = {"method": "gan_slimming", "budgets": (0.9,), "images": images, "steps": 2}
    with pytest.raises(UsageError, match="and those of .* of the generator have none"):
        lth.compress(dense, tmp_path / "slim", progress=False, **given)
    assert not (tmp_path / "slim").exists()
    given |= {"method": "finetuning"}
    run = lth.compress(dense, tmp_path / "run", progress=False, **given)
    assert [row["round"] for row in run.results()] == [0, 1]


def test_only_the_flags_that_are_given_count():
    values = flags.FlagValues()
    compress.define(values)
    arguments = ["--method=distillation", "--dense=RUN", "--budgets=0.5,0.1", "--run_dir=run"]
    command_line._parse(["compress", *arguments, "--student=fresh", "--notrain_slim"], values, "")
    assert command_line.given_options(values) == {
        "method": "distillation",
        "budgets": ["0.5", "0.1"],
        "student": "fresh",
        "train_slim": False,
    }
    for arguments, message in [
        (["--method=imp"], "unknown compressor 'imp'"),
        (["--method=tiket"], "unknown compressor 'tiket': did you mean 'ticket'"),
    ]:
        other = flags.FlagValues()
        compress.define(other)
        required = ["--dense=RUN", "--budgets=0.5", "--run_dir=run"]
        with pytest.raises(UsageError, match=message):
            command_line._parse(["compress", *required, *arguments], other, "")
