"""Everything the paper asks about SNGAN, as values of a config on the one loop: what each changes,
and only that.
"""

import copy
import dataclasses
import shutil

import numpy as np
import pytest
import tensorflow as tf

from tf_gan_lth import lottery, models
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment import seeds
from tf_gan_lth.experiment.config import NetworkConfig
from tf_gan_lth.experiment.errors import MaskError, RunFolderError, ToolkitWarning, UsageError
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.methods.branches import BRANCHES, Ticket
from tf_gan_lth.methods.bench import check_combinations
from tf_gan_lth.methods.imp import rewind
from tf_gan_lth.pruning import masks as pruning
from tf_gan_lth.data import draws
from tf_gan_lth.training.losses import distillation
from tf_gan_lth.training.trainer import GRADIENT_BATCHES


@dataclasses.dataclass
class Study:
    lab: lottery.Laboratory
    starts: dict
    steps: dict

    @property
    def replicate(self):
        return self.lab.run.replicate(0)


def run_study(options, path) -> Study:
    """Runs a lottery whole and records the state and the step in which each training started."""
    lab = lottery.Laboratory(configs.from_options(options), RunFolder(path))
    starts, steps = {}, {}
    train, fit = lab.train, lab.trainer.model.fit

    def recording_train(start, masks, here, first_step):
        def recording_fit(*args, **kwargs):
            starts[here.path] = {
                **lab.trainer.snapshot(),
                "kd_weight": float(lab.trainer.model.kd_weight),
            }
            steps[here.path] = int(lab.trainer.model.step)
            return fit(*args, **kwargs)

        lab.trainer.model.fit = recording_fit
        return train(start, masks, here, first_step)

    lab.train = recording_train
    lottery.find_ticket(lab, 0, lambda place: None)
    assert lab.trainer.model.traces == 1
    return Study(lab, starts, steps)


def equal(first, second):
    return first.keys() == second.keys() and all(
        np.array_equal(first[path], second[path]) for path in first
    )


@pytest.fixture(scope="module")
def distilled(tiny_options, tmp_path_factory):
    """IMP_GD with KD, two rounds."""
    options = {
        **tiny_options,
        "prune": ("generator", "discriminator"),
        "kd_weight": 1.0,
        "rounds": 2,
        "branches": ("random_init",),
    }
    return run_study(options, tmp_path_factory.mktemp("study") / "kd")


@pytest.fixture(scope="module")
def late(tiny_options, tmp_path_factory):
    """Late rewinding to step 3 of 8."""
    options = {**tiny_options, "steps": 8, "rewind_step": 3, "rounds": 1, "branch_rounds": (1,)}
    return run_study(
        {**options, "branches": ("random_init", "random_mask")},
        tmp_path_factory.mktemp("study") / "late",
    )


def test_a_pruned_discriminator_has_its_own_masks_ranked_on_the_raw_kernels(distilled):
    for number in (1, 2):
        before, here = (distilled.replicate.round(k) for k in (number - 1, number))
        for network in ("generator", "discriminator"):
            remaining, total = pruning.count(here.masks.get()[network])
            assert remaining == round(0.8**number * total)
            trained, mask, old = (
                before.weights.get()[network],
                here.masks.get()[network],
                before.masks.get()[network],
            )
            kept = np.concatenate([np.abs(trained[path][mask[path]]) for path in mask])
            lost = np.concatenate([np.abs(trained[path][old[path] & ~mask[path]]) for path in mask])
            assert lost.size and lost.max() <= kept.min()
            assert all(
                not np.any(here.weights.get()[network][path][~kept]) for path, kept in mask.items()
            )
        assert "score/kernel" not in here.masks.get()["discriminator"]
    rows = lottery.read_results(distilled.lab.run)
    assert [round(1 - row.discriminator_sparsity, 2) for row in rows] == [1.0, 0.8, 0.64, 0.64]


def test_the_dense_discriminator_teaches_the_pruned_rounds_only(distilled):
    weights = {place.name: start["kd_weight"] for place, start in distilled.starts.items()}
    assert weights == {"round_00": 0.0, "round_01": 1.0, "round_02": 1.0, "random_init": 1.0}
    teacher = models.take_snapshot(distilled.lab.trainer.model.teachers["discriminator"])
    assert equal(teacher, distilled.replicate.round(0).weights.get()["discriminator"])


def test_distillation_is_the_divergence_of_two_coins():
    teacher, student = np.array([[0.3], [-2.0]]), np.array([[1.0], [0.5]])
    p, q = 1 / (1 + np.exp(-teacher)), 1 / (1 + np.exp(-student))
    expected = np.mean(p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q)))
    assert float(distillation(tf.constant(teacher), tf.constant(student))) == pytest.approx(
        expected, rel=1e-6
    )
    assert float(distillation(tf.constant(teacher), tf.constant(teacher))) == pytest.approx(
        0, abs=1e-9
    )


def test_distillation_moves_the_discriminator_towards_its_teacher(tiny_options, tmp_path):
    """With a teacher that calls everything real and a large weight, the student comes to do so
    too.
    """
    options = {
        **tiny_options,
        "prune": ("generator", "discriminator"),
        "kd_weight": 1000.0,
        "steps": 30,
        "discriminator_width": 8,
    }
    lab = lottery.Laboratory(configs.from_options(options), RunFolder(tmp_path / "run"))
    weights = lab.fresh_weights(0)
    teacher = {
        **weights["discriminator"],
        "score/kernel": np.abs(weights["discriminator"]["score/kernel"]),
    }
    seed = np.array([1, 2], np.int32)
    trained = {
        name: lab.trainer.train(weights, {}, seed, [], None, teachers)
        for name, teachers in [("kd", {"discriminator": teacher}), ("plain", None)]
    }
    network, images = (
        models.build(NetworkConfig(width=4, discriminator_width=8), 8, 1, seed=0).networks[
            "discriminator"
        ],
        lab.task.images.images[:64] / 127.5 - 1,
    )
    scores = {}
    for name, snapshot in [
        ("teacher", teacher),
        *((name, weights["discriminator"]) for name, weights in trained.items()),
    ]:
        models.load_snapshot(network, snapshot)
        scores[name] = network(images).numpy().mean()
    assert abs(scores["kd"] - scores["teacher"]) < 0.7 * abs(scores["plain"] - scores["teacher"])


def test_late_rewinding_goes_back_to_the_weights_of_its_step(late):
    replicate = late.replicate
    theta = replicate.rewind.get()
    assert theta.keys() == {"generator", "generator_ema", "discriminator"}
    ticket = replicate.round(1)
    for place in (replicate.round(0), ticket, ticket.branch("random_mask")):
        start, masks = late.starts[place.path], place.masks.get()
        assert late.steps[place.path] == 3
        for network in theta:
            mask = masks.get(network.removesuffix("_ema"), {})
            assert equal(start[network], pruning.apply(theta[network], mask))
    assert not equal(theta["generator"], replicate.initial.get()["generator"])
    assert late.steps[ticket.branch("random_init").path] == 0


def test_late_rewinding_is_a_point_on_the_dense_run(late, tiny_options, tmp_path):
    """theta_k is what k steps of the same stream give, whatever follows."""
    short = run_study({**tiny_options, "steps": 3, "rounds": 0}, tmp_path / "short")
    weights = short.replicate.round(0).weights.get()
    assert all(
        equal(snapshot, weights[network])
        for network, snapshot in late.replicate.rewind.get().items()
    )


@pytest.mark.parametrize("start", ["dense", "second_seed"])
def test_the_discriminator_starts_where_the_config_says(tiny_options, tmp_path, start):
    study = run_study(
        {**tiny_options, "discriminator_start": start, "rounds": 2, "branch_rounds": ()},
        tmp_path / "run",
    )
    dense, initial = study.replicate.round(0), study.replicate.initial.get()
    second = study.lab.fresh_weights(0, "second_seed")["discriminator"]
    expected = dense.weights.get()["discriminator"] if start == "dense" else second
    assert equal(study.starts[dense.path]["discriminator"], initial["discriminator"])
    for number in (1, 2):
        begun = study.starts[study.replicate.round(number).path]
        assert equal(begun["discriminator"], expected)
        assert equal(
            begun["generator"],
            rewind(initial, study.replicate.round(number).masks.get())["generator"],
        )


@pytest.fixture
def ticket(finished):
    place = finished.run.replicate(0).round(2)
    return Ticket(place, finished.run.replicate(0).initial.get(), place.masks.get())


@pytest.mark.parametrize("name", sorted(BRANCHES))
def test_every_branch_is_as_sparse_as_its_ticket_and_repeatable(finished, ticket, name):
    branch, again = (BRANCHES[name](finished.lab, ticket) for _ in range(2))
    assert pruning.count(branch.masks["generator"]) == pruning.count(ticket.masks["generator"])
    assert equal(branch.masks["generator"], again.masks["generator"])
    assert all(equal(branch.weights[network], again.weights[network]) for network in branch.weights)
    changed = {"mask"} if not equal(branch.masks["generator"], ticket.masks["generator"]) else set()
    changed |= {
        network
        for network in ticket.weights
        if not equal(branch.weights[network], ticket.weights[network])
    }
    assert (
        changed
        == {
            "random_mask": {"mask"},
            "random_mask_by_layer": {"mask"},
            "one_shot": {"mask"},
            "snip": {"mask"},
            "random_init": {"generator"},
            "not_rewound": {"generator", "discriminator"},
            "dense_discriminator": {"discriminator"},
            "second_discriminator": {"discriminator"},
        }[name]
    )


def test_a_random_mask_by_layer_keeps_the_sparsity_of_each_layer(finished, ticket):
    masks = BRANCHES["random_mask_by_layer"](finished.lab, ticket).masks["generator"]
    assert all(mask.sum() == ticket.masks["generator"][path].sum() for path, mask in masks.items())


def test_one_shot_keeps_the_largest_weights_of_the_dense_gan(finished, ticket):
    masks = BRANCHES["one_shot"](finished.lab, ticket).masks["generator"]
    trained = finished.run.replicate(0).round(0).weights.get()["generator"]
    kept = np.concatenate([np.abs(trained[path][mask]) for path, mask in masks.items()])
    lost = np.concatenate([np.abs(trained[path][~mask]) for path, mask in masks.items()])
    assert lost.max() <= kept.min()


def test_standard_pruning_never_rewinds(tiny_options, tmp_path):
    study = run_study(
        {**tiny_options, "rewind": False, "rounds": 2, "branches": ()}, tmp_path / "run"
    )
    for number in (1, 2):
        before, here = (study.replicate.round(k) for k in (number - 1, number))
        expected = rewind(before.weights.get(), here.masks.get())
        assert all(
            equal(study.starts[here.path][network], expected[network]) for network in expected
        )


def test_a_branch_that_is_not_rewound_goes_on_from_the_round_before(finished, ticket):
    weights = BRANCHES["not_rewound"](finished.lab, ticket).weights
    before = finished.run.replicate(0).round(1).weights.get()
    assert weights.keys() == before.keys() and all(
        equal(weights[network], before[network]) for network in before
    )


def test_snip_ranks_by_the_gradient_of_the_generators_loss(finished, ticket):
    """Computed once more from its definition, with plain networks on the same latents."""
    lab, initial = finished.lab, finished.run.replicate(0).initial.get()
    gradients = lab.generator_gradients(initial, 0)["generator"]
    assert gradients.keys() == ticket.masks["generator"].keys()
    networks = models.build(NetworkConfig(width=4), 8, 1, seed=5).networks
    for name, network in networks.items():
        models.load_snapshot(network, initial[name])
    seed, sums = (
        seeds.pair(lab.config.seed, "replicate", 0, "gradients"),
        dict.fromkeys(gradients, 0.0),
    )
    for batch in range(GRADIENT_BATCHES):
        noise = draws.normal([2 * 4 + 8, 128], draws.fold_in(seed, batch))[-8:]
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(
                networks["discriminator"](
                    networks["generator"](noise, training=True), training=True
                )
            )
        kernels = {path: models.variables(networks["generator"])[path] for path in gradients}
        for path, gradient in tape.gradient(loss, kernels).items():
            sums[path] += gradient.numpy()
    for path, gradient in gradients.items():
        np.testing.assert_allclose(gradient, sums[path] / GRADIENT_BATCHES, rtol=1e-3, atol=1e-5)
    masks = BRANCHES["snip"](lab, ticket).masks["generator"]
    saliency = {
        path: np.abs(initial["generator"][path] * gradient) for path, gradient in gradients.items()
    }
    kept = np.concatenate([saliency[path][mask] for path, mask in masks.items()])
    lost = np.concatenate([saliency[path][~mask] for path, mask in masks.items()])
    assert lost.max() <= kept.min() and np.any(lost > 0)


def test_snip_as_the_criterion_of_one_round(tiny_options, tmp_path):
    study = run_study(
        {**tiny_options, "criterion": "snip", "rounds": 1, "rate": 0.5, "branch_rounds": ()},
        tmp_path / "run",
    )
    place = study.replicate.round(1)
    ticket = Ticket(place, study.replicate.initial.get(), place.masks.get())
    assert equal(BRANCHES["snip"](study.lab, ticket).masks["generator"], ticket.masks["generator"])


def test_layers_can_be_excluded_and_are_still_named(tiny_options, tmp_path):
    options = {
        **tiny_options,
        "exclude": ("*/to_image", "generator/*/shortcut"),
        "rounds": 1,
        "branches": (),
    }
    study = run_study(options, tmp_path / "run")
    place = study.replicate.round(1)
    mask, report = place.masks.get()["generator"], place.sparsity.get()["generator"]
    assert set(mask) == set(report["layers"]) == {"block_1/conv_1/kernel", "block_1/conv_2/kernel"}
    assert report["dense_kernels"] == {
        "dense/kernel": 128 * 64,
        "block_1/shortcut/kernel": 16,
        "to_image/kernel": 36,
    }
    assert report["remaining"] == round(0.8 * report["total"]) and report["total"] == 2 * 9 * 16


def test_layerwise_ranking_takes_the_same_share_of_each_layer(tiny_options, tmp_path):
    study = run_study(
        {**tiny_options, "ranking": "layerwise", "rounds": 1, "branches": ()}, tmp_path / "run"
    )
    for kept in study.replicate.round(1).masks.get()["generator"].values():
        assert abs(kept.sum() - 0.8 * kept.size) <= 1


def test_ranking_by_the_averages_is_stated_and_differs(tiny_options, tmp_path):
    study = run_study(
        {**tiny_options, "ranking_weights": "ema", "rounds": 1, "branches": ()}, tmp_path / "run"
    )
    trained, mask = (
        study.replicate.round(0).weights.get()["generator_ema"],
        study.replicate.round(1).masks.get()["generator"],
    )
    kept = np.concatenate([np.abs(trained[path][mask[path]]) for path in mask])
    lost = np.concatenate([np.abs(trained[path][~mask[path]]) for path in mask])
    assert lost.max() <= kept.min()
    assert study.lab.run.config.get()["options"]["ranking_weights"] == "ema"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"kd_weight": 1.0},
            (
                "--kd_weight=1.0 teaches the pruned discriminator: it needs"
                " --prune=generator,discriminator"
            ),
        ),
        (
            {"kd_weight": 1.0, "prune": ["generator", "discriminator"], "rounds": 0},
            "has no dense teacher in round 0",
        ),
        (
            {"criterion": "snip", "rounds": 2},
            "--criterion=snip ranks once, before training: it needs --rounds=1, not 2",
        ),
        (
            {"criterion": "snip", "rounds": 1, "prune": ["generator", "discriminator"]},
            "it needs --prune=generator",
        ),
        (
            {"criterion": "snip", "rounds": 1, "ranking_weights": "ema"},
            "there are no --ranking_weights=ema",
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
            "unknown criterion 'snap': did you mean 'snip'. Known: magnitude, snip",
        ),
        ({"prune": ["discriminator"]}, "--prune=discriminator must name the generator"),
        (
            {"prune": ["generators"]},
            "unknown value of --prune 'generators': did you mean 'generator'",
        ),
        ({"discriminator_start": "sparse"}, "unknown value of --discriminator_start 'sparse'"),
        ({"ranking": "local"}, "unknown value of --ranking 'local'"),
    ],
)
def test_impossible_combinations_are_refused_at_once(options, message):
    with pytest.raises(UsageError, match=message):
        check_combinations(configs.from_options(options))


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
        lottery.Laboratory(
            configs.from_options({**tiny_options, **options}), RunFolder(tmp_path / "run")
        )
    assert not (tmp_path / "run").exists()


def test_branch_rounds_that_never_come_are_said():
    with pytest.warns(
        ToolkitWarning, match="no branch is trained: --branch_rounds=5,10 is beyond --rounds=4"
    ):
        check_combinations(configs.from_options({"rounds": 4}))


def test_the_order_of_what_is_pruned_is_no_other_experiment():
    runs = [
        configs.from_options({"prune": words.split(",")})
        for words in ("discriminator,generator", "generator,discriminator")
    ]
    assert runs[0].digest == runs[1].digest and runs[0].lottery.prune == (
        "generator",
        "discriminator",
    )


def test_a_mask_that_keeps_nothing_is_refused(finished):
    """Ranking within small layers rounds to nothing before the network as a whole is empty."""
    lab, scores = (
        copy.copy(finished.lab),
        pruning.magnitudes(finished.run.replicate(0).initial.get()["generator"]),
    )
    lab.config = dataclasses.replace(
        lab.config, lottery=dataclasses.replace(lab.config.lottery, ranking="layerwise")
    )
    mask = finished.run.replicate(0).round(1).masks.get()["generator"]
    with pytest.raises(
        MaskError,
        match=(
            "none of .* prunable weights would remain: ask for fewer --rounds or a smaller --rate"
        ),
    ):
        lab._prune_to(1, scores, mask)


@pytest.fixture(scope="module")
def everything(tiny_options, tmp_path_factory):
    """All that a config can ask for together, and every branch."""
    options = {
        **tiny_options,
        "steps": 6,
        "prune": ("generator", "discriminator"),
        "kd_weight": 1.0,
        "rewind_step": 2,
        "discriminator_start": "dense",
        "ranking": "layerwise",
        "ranking_weights": "ema",
        "rounds": 2,
        "branch_rounds": (2,),
        "branches": tuple(sorted(BRANCHES)),
    }
    return options, run_study(options, tmp_path_factory.mktemp("study") / "everything")


def test_every_variant_continues_to_the_same_weights(everything, tmp_path):
    options, study = everything
    shutil.copytree(study.lab.run.path, tmp_path / "run")
    replicate = RunFolder(tmp_path / "run").replicate(0)
    for place in (replicate.round(1), replicate.round(2), *replicate.round(2).branches()):
        for artifact in (place.weights, place.masks):
            shutil.rmtree(artifact.path)
        place.scores.path.unlink()
    again = run_study(options, tmp_path / "run")
    assert len(again.starts) == 2 + len(BRANCHES)
    compared = 0
    for file in sorted(study.lab.run.path.rglob("*.npz")):
        compared += 1
        assert (
            file.read_bytes()
            == (tmp_path / "run" / file.relative_to(study.lab.run.path)).read_bytes()
        ), file
    assert compared > 50


def test_a_finished_run_computes_nothing_again(everything, monkeypatch):
    options, study = everything
    lab = lottery.Laboratory(configs.from_options(options), study.lab.run)
    for name in ("generator_gradients", "train", "score", "fresh_weights"):
        monkeypatch.setattr(lab, name, None)
    trained = []
    lottery.find_ticket(lab, 0, trained.append)
    assert trained == []


def test_branches_keep_the_sparsity_of_a_pruned_discriminator(everything):
    _, study = everything
    place = study.replicate.round(2)
    ticket = place.masks.get()
    for branch in place.branches():
        masks, weights = branch.masks.get(), branch.weights.get()
        assert pruning.count(masks["discriminator"]) == pruning.count(ticket["discriminator"]), (
            branch.branch_name
        )
        assert all(
            not np.any(weights["discriminator"][path][~kept])
            for path, kept in masks["discriminator"].items()
        )
    snip = place.branch("snip").masks.get()
    assert equal(snip["discriminator"], ticket["discriminator"]) and not equal(
        snip["generator"], ticket["generator"]
    )
    steps = {row.branch: row.steps for row in lottery.read_results(study.lab.run) if row.round == 2}
    assert steps.pop("random_init") == 6 and set(steps.values()) == {4}


def test_other_training_images_are_refused(tiny_options, finished, tmp_path):
    shutil.copytree(finished.run.path, tmp_path / "run")
    run = RunFolder(tmp_path / "run")
    run.images.put({**run.images.get(), "digest": "0"})
    with pytest.raises(RunFolderError, match="was trained on other images"):
        lottery.Laboratory(finished.lab.config, run)
