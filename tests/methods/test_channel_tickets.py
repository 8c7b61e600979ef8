"""The lottery over channels: exact counts, what goes with a channel, budgets, controls."""

import dataclasses
import re
import types

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from helpers import equal, run_lottery, set_up

import tf_gan_lth as lth
from tf_gan_lth import export, findings, gans
from tf_gan_lth.experiment.config import LotteryConfig
from tf_gan_lth.experiment.errors import MaskError, ToolkitWarning, UsageError
from tf_gan_lth.methods import criteria
from tf_gan_lth.methods.branches import BRANCHES
from tf_gan_lth.methods.units import full_masks
from tf_gan_lth.pruning.cost import cost
from tf_gan_lth.pruning.slimming import slim
from tf_gan_lth.training import slim as slim_training

OPTIONS = {
    "gan": "sngan",
    "dataset": "digits",
    "resolution": 16,
    "width": 8,
    "discriminator_width": 4,
    "unit": "channel",
    "generator_batch_size": 8,
    "discriminator_batch_size": 4,
    "discriminator_steps": 1,
    "steps": 3,
    "rounds": 2,
    "rate": 0.3,
    "branches": tuple(BRANCHES),
    "branch_rounds": (2,),
    "num_eval_images": 100,
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return run_lottery(OPTIONS, tmp_path_factory.mktemp("channels") / "run")


def mask_of(finished, folder):
    return finished.bench.read_masks(folder.final_masks.get())["generator"]


def drawn(finished, weights):
    """Images of a generator with these weights."""
    network = finished.bench.gan.networks["generator"]
    gans.load_snapshot(network, weights)
    [latents] = finished.bench.gan.prior.draw(8, np.array([1, 2], np.int32))
    return network(latents).numpy()


def test_each_round_keeps_exactly_its_share_of_the_channels(finished):
    total = finished.bench.full_masks["generator"].total
    for number in range(3):
        folder = finished.replicate.round(number)
        assert mask_of(finished, folder).remaining == round(0.7**number * total)
        record = folder.sparsity.get()["generator"]
        kept = finished.bench.read_masks(folder.masks.get())["generator"].kept
        said = {name: [bit == "1" for bit in bits] for name, bits in record["channels"].items()}
        assert said == {name: own.tolist() for name, own in kept.items()}
        assert (record["remaining"], record["total"]) == (round(0.7**number * total), total)
    first, second = (mask_of(finished, finished.replicate.round(n)) for n in (1, 2))
    assert all(np.all(first.kept[name] >= kept) for name, kept in second.kept.items())


def test_a_pruned_channel_is_zero_in_all_that_belongs_to_it_and_starts_from_theta_0(finished):
    folder = finished.replicate.round(2)
    mask = mask_of(finished, folder)
    initial = finished.replicate.initial.get()["generator"]
    start = finished.recorder.beginning(folder).weights["generator"]
    trained = folder.weights.get()
    kinds = set()
    for path, kept in mask.expand().items():
        assert equal(start[path], np.where(kept, initial[path], np.float32(0)))
        for name in ("generator", "generator_ema"):
            assert not trained[name][path][~kept].any()
        if not kept.all():
            kinds.add(path.rpartition("/")[2])
    assert kinds == {"kernel", "bias", "gamma", "beta"}


def test_the_slim_network_draws_what_the_masked_one_draws(finished):
    folder = finished.replicate.round(2)
    bench = finished.bench
    network = bench.gan.networks["generator"]
    weights = folder.weights.get()["generator"]
    mask = mask_of(finished, folder)
    small, snapshot = slim(network, weights, mask)
    gans.load_snapshot(small, snapshot)
    [latents] = bench.gan.prior.draw(8, np.array([1, 2], np.int32))
    np.testing.assert_allclose(small(latents), drawn(finished, weights), atol=1e-5)
    record = folder.sparsity.get()["generator"]
    assert record["macs_left"] == cost(small).macs < record["macs"]
    assert record["parameters_left"] == cost(small).parameters


def test_what_is_exported_is_slim(finished):
    """As a SavedModel and in Python; it is found again by the next run of the command."""
    verdict = findings.judge_run(finished.run)[1]["generator"]
    verdicts = {"generator": dataclasses.replace(verdict, best=2)}
    [path] = export.export_tickets(finished.run, verdicts)
    assert export.export_tickets(finished.run, verdicts) == [path]
    folder = finished.replicate.round(2)
    left = folder.sparsity.get()["generator"]["parameters_left"]
    small = lth.open_run(finished.run.path).ticket(2).generator(slim=True)
    assert sum(v.shape.num_elements() for v in small.trainable_variables) == left
    [latents] = finished.bench.gan.prior.draw(8, np.array([1, 2], np.int32))
    wanted = drawn(finished, folder.weights.get()["generator_ema"])
    np.testing.assert_allclose(small(latents), wanted, atol=1e-5)
    loaded = tf.saved_model.load(str(path))
    np.testing.assert_allclose(loaded(latents), wanted, atol=1e-5)
    statistics = sum(v.shape.num_elements() for v in small.non_trainable_variables)
    assert sum(v.shape.num_elements() for v in loaded.weights) == left + statistics


def test_every_control_has_as_many_channels_as_the_ticket(finished):
    ticket = mask_of(finished, finished.replicate.round(2))
    masks = {}
    for name in BRANCHES:
        folder = finished.replicate.round(2).branch(name)
        masks[name] = mask_of(finished, folder)
        assert masks[name].remaining == ticket.remaining and folder.is_complete()
    assert not equal(masks["random_mask"].kept, ticket.kept)
    assert equal(masks["random_init"].kept, ticket.kept)
    by_layer = masks["random_mask_by_layer"].kept
    assert all(kept.sum() == ticket.kept[name].sum() for name, kept in by_layer.items())


@pytest.mark.parametrize(("criterion", "score"), [("magnitude", 0.05), ("l2_norm", 0.0025)])
def test_channels_of_equal_kernels_are_worth_the_same_whatever_their_norms(
    finished, criterion, score
):
    """A gamma of 1 beside nine weights of 0.05 counts no more than one beside hundreds."""
    trained = {
        path: np.full_like(array, 0.05 if path.endswith("/kernel") else 1.0)
        for path, array in finished.replicate.initial.get()["generator"].items()
    }
    weights = types.SimpleNamespace(get=lambda: {"generator": trained})
    before = types.SimpleNamespace(weights=weights, round_number=0)
    scores = criteria.CRITERIA[criterion](finished.bench, before)["generator"]
    for pooled in finished.bench.full_masks["generator"].pool(scores).values():
        np.testing.assert_allclose(pooled, score, rtol=1e-5)


@pytest.mark.parametrize("unit", ["channel", "element"])
def test_a_budget_of_macs_is_met_as_closely_as_units_allow(tmp_path, unit):
    options = {**OPTIONS, "unit": unit, "budget": "macs", "branches": (), "rounds": 1}
    run = run_lottery({**options, "rate": 0.4, "criterion": "l2_norm"}, tmp_path / "run")
    folder = run.replicate.round(1)
    record = folder.sparsity.get()["generator"]
    assert record["macs_left"] <= 0.6 * record["macs"]
    mask = run.bench.read_masks(folder.masks.get())["generator"]
    ranked = mask.full().pool(
        {
            path: np.square(array)
            for path, array in run.replicate.round(0).weights.get()["generator"].items()
            if path.endswith("/kernel")
        }
    )
    more = mask.full().keep(ranked, mask.remaining + 1)
    assert cost(run.bench.gan.networks["generator"], more.expand()).macs_left > 0.6 * record["macs"]


@pytest.mark.parametrize("unit", ["channel", "element"])
def test_within_a_budget_of_macs_controls_have_as_many_macs_as_the_ticket(tmp_path, unit):
    options = {**OPTIONS, "unit": unit, "budget": "macs", "steps": 1, "rounds": 2}
    done = run_lottery(options, tmp_path / "run")
    ticket = done.replicate.round(2)
    network = done.bench.gan.networks["generator"]
    whole = cost(network).macs
    most = cost(network, mask_of(done, ticket).expand()).macs_left
    counts = set()
    for name in BRANCHES:
        mask = mask_of(done, ticket.branch(name))
        left = cost(network, mask.expand()).macs_left
        # The random ticket has the lottery's budget, the others what the ticket made of it.
        limit = 0.49 * whole if name == "random_ticket" else most
        assert limit - 0.08 * whole < left <= limit, name  # a channel is up to 6 %
        counts.add(mask.remaining)
    assert len(counts) > 1  # they need not have as many units


def test_a_budget_below_what_must_stay_keeps_one_channel_of_each_layer_and_says_so(tmp_path):
    budget = {"budget": "macs", "rate": 0.9, "rounds": 1, "branches": (), "width": 4}
    with pytest.warns(ToolkitWarning) as warned:
        done = run_lottery(OPTIONS | budget, tmp_path / "run")
    said = "\n".join(str(warning.message) for warning in warned)
    assert re.search("keeps .* of its MACs, more than the 10.0% asked for", said)
    assert re.search("the generator keeps one channel each of .*, of which all would go by", said)
    mask = mask_of(done, done.run.replicate(0).round(1))
    assert mask.remaining == mask.least
    assert all(kept.sum() >= 1 for kept in mask.kept.values())


@pytest.mark.parametrize("criterion", ["taylor", "random", "snip", "gamma_l1"])
def test_every_criterion_ranks_channels(tmp_path, criterion):
    terms = ("gamma_l1:500",) if criterion == "gamma_l1" else ()
    options = {**OPTIONS, "criterion": criterion, "terms": terms, "branches": (), "rounds": 1}
    run = run_lottery(options, tmp_path / "run")
    mask = mask_of(run, run.replicate.round(1))
    assert mask.remaining == round(0.7 * mask.total)
    if criterion == "gamma_l1":
        gammas = run.replicate.round(0).weights.get()["generator"]
        ranked = mask.pool({p: np.abs(a) for p, a in gammas.items() if p.endswith("/gamma")})
        stays = np.concatenate([ranked[name][kept] for name, kept in mask.kept.items()])
        goes = np.concatenate([ranked[name][~kept] for name, kept in mask.kept.items()])
        assert np.median(goes) < np.median(stays)


def test_trained_slim_a_round_becomes_what_it_becomes_masked(finished, tmp_path):
    """From the same masks: those of the round before, which differ in nothing."""
    options = {**OPTIONS, "train_slim": True, "rounds": 1, "branches": ("random_init",)}
    slim_run = run_lottery({**options, "branch_rounds": (1,)}, tmp_path / "run")
    masked, small = (f.replicate.round(1) for f in (finished, slim_run))
    assert equal(masked.masks.get(), small.masks.get())
    mask = mask_of(slim_run, small)
    for name in ("generator", "generator_ema"):
        weights = small.weights.get()[name]
        assert not any(weights[path][~kept].any() for path, kept in mask.expand().items())
        # Not the weights: what a bias in front of a norm becomes is rounding, made large by Adam.
        found = drawn(slim_run, weights)
        wanted = drawn(finished, masked.weights.get()[name])
        began = drawn(finished, finished.recorder.beginning(masked).weights["generator"])
        assert np.abs(found - wanted).max() < 0.01 * np.abs(began - wanted).max()
    assert small.branch("random_init").is_complete()


def test_rounds_train_slim_where_counts_say_that_it_pays(finished):
    mask = mask_of(finished, finished.replicate.round(1))
    trainer = finished.bench.trainer
    assert not slim_training.saves_time(trainer, {"generator": mask})
    found = cost(trainer.model.gan.networks["generator"], mask.expand())
    images = slim_training.PAYS / (3 * (found.macs - found.macs_left))
    for factor, pays in ((0.9, False), (1.1, True)):
        steps = int(factor * images / OPTIONS["generator_batch_size"])
        config = dataclasses.replace(trainer.config, steps=steps)
        longer = types.SimpleNamespace(model=trainer.model, config=config)
        assert slim_training.saves_time(longer, {"generator": mask}) is pays


def test_channels_are_drawn_evenly_however_many_weights_they_have(finished):
    """The mean of a draw for each weight would be extreme where they are few, as in last norms."""
    full = finished.bench.full_masks["generator"]
    lost = dict.fromkeys(full.kept, 0.0)
    for number in range(60):
        drawn = criteria.random(finished.bench, finished.replicate.round(number))["generator"]
        mask = full.keep(full.pool(drawn), round(0.8 * full.total))
        for name, kept in mask.kept.items():
            lost[name] += np.mean(~kept) / 60
    assert all(0.12 < share < 0.28 for share in lost.values()), lost


def test_without_a_rate_channels_go_where_training_has_made_their_gammas_zero(tmp_path):
    options = {**OPTIONS, "criterion": "gamma_l1", "terms": ("gamma_l1:1666.667",), "branches": ()}
    run = run_lottery({**options, "rate": None, "rounds": 1}, tmp_path / "run")
    trained = run.replicate.round(0).weights.get()["generator"]
    mask = mask_of(run, run.replicate.round(1))
    gammas = mask.pool({p: np.abs(a) for p, a in trained.items() if p.endswith("/gamma")})
    for name, kept in mask.kept.items():
        if (gammas[name] > 0).any():
            np.testing.assert_array_equal(kept, gammas[name] > 0)
        else:
            assert kept.sum() == 1  # a layer has to have one
    assert 0 < mask.remaining < mask.total
    assert run.run.config.get()["used"]["rate"] is None


def test_layers_that_the_analysis_does_not_know_are_named(tmp_path):
    images = keras.Input([4, 4, 2])
    maps = keras.layers.Conv2D(4, 3, padding="same", name="known")(images)
    maps = keras.layers.Lambda(lambda x: x * 2.0, name="odd")(maps)
    maps = keras.layers.Conv2D(6, 3, padding="same", name="free")(maps)
    network = keras.Model(images, keras.layers.Conv2D(2, 1, name="last")(maps), name="own")
    gan = gans.GAN(gans.find("sngan"), None, {"generator": network}, None)
    with pytest.warns(ToolkitWarning, match="layers of the generator read and write .* odd: "):
        mask = full_masks(LotteryConfig(unit="channel"), gan)["generator"]
    assert [group.name for group in mask.groups.prunable] == ["free"]


def test_excluded_layers_keep_their_channels(tmp_path):
    run = set_up({**OPTIONS, "exclude": ("generator/block_1/*",)}, tmp_path / "run")
    groups = run.bench.full_masks["generator"].groups
    assert not any(g.name.startswith("block_1/") for g in groups.prunable)
    assert "excluded" in groups.fixed.values()


def test_a_rate_that_rounds_to_no_channel_is_told_before_training(tmp_path):
    with pytest.warns(ToolkitWarning, match=r"--rate=0.01 of the generator's \d+ .* prunes none"):
        set_up({**OPTIONS, "rate": 0.01}, tmp_path / "run")


@pytest.mark.parametrize(
    "options, message",
    [
        ({"criterion": "gamma_l1", "unit": "element"}, "it needs --unit=channel"),
        ({"criterion": "gamma_l1"}, "--terms=gamma_l1:WEIGHT"),
        (
            {"criterion": "gamma_l1", "terms": ("gamma_l1:1",), "rate": None}
            | {"ranking_weights": "ema"},
            "--ranking_weights=ema: averages of gammas never become 0",
        ),
        ({"exclude": ("generator/nothing",)}, "fits none of the layers whose channels can go"),
        ({"exclude": ("generator/*",)}, r"the generator has no channels.*norm: excluded\)"),
        (
            {"rounds": 5, "rate": 0.8},
            "leaves (none|only .) of the generator's .* prunable channels: at least",
        ),
        ({"unit": "element", "train_slim": True}, "--train_slim is of channels"),
        ({"prune_dense": True}, "--prune_dense is of single weights"),
        ({"unit": "filter"}, "unknown value of --unit .filter.. Known: 2:4, channel, element"),
        ({"unit": "2:4"}, "--unit=2:4 prunes half of the weights at once"),
    ],
)
def test_what_channels_cannot_do_is_refused(tmp_path, options, message):
    with pytest.raises(UsageError, match=message):
        set_up({**OPTIONS, **options}, tmp_path / "run")


@pytest.mark.parametrize(
    "gan, layer", [({"gan": "dcgan"}, "dense"), ({"conditional": True}, "block_1/norm_1")]
)
def test_channels_without_gammas_are_refused_before_the_dense_gan_trains(tmp_path, gan, layer):
    options = {**OPTIONS, **gan, "branches": (), "criterion": "gamma_l1", "terms": ("gamma_l1:1",)}
    message = f"--criterion=gamma_l1 ranks .* {layer} of the generator have none; --exclude=generat"
    with pytest.raises(UsageError, match=message):
        set_up(options, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    if "gan" in gan:
        run = set_up({**options, "exclude": (f"generator/{layer}",)}, tmp_path / "run")
        assert run.bench.full_masks["generator"].total


def test_a_mask_of_elements_is_not_read_as_channels(finished):
    mask = finished.bench.full_masks["generator"]
    kept = {path: array.copy() for path, array in mask.expand().items()}
    path = next(path for path in kept if path.endswith("/kernel"))
    kept[path].flat[0] = False
    with pytest.raises(MaskError, match="not one of these channels"):
        mask.read(kept)


@pytest.mark.parametrize("train_slim", [False, True])
def test_generators_and_discriminators_of_cyclegan_lose_channels(
    translation_options, tmp_path, train_slim
):
    options = {
        **translation_options,
        "unit": "channel",
        "rounds": 1,
        "rate": 0.4,
        "branch_rounds": (1,),
        "train_slim": train_slim,
        "branches": ("random_mask",),
    }
    run = run_lottery({**options, "width": 4, "discriminator_width": 4}, tmp_path / "run")
    folder = run.replicate.round(1)
    weights = folder.weights.get()
    for name, mask in run.bench.read_masks(folder.final_masks.get()).items():
        assert mask.remaining == round(0.6 * mask.total)
        for path, kept in mask.expand().items():
            assert not weights[name][path][~kept].any()
    assert folder.final_masks.get().keys() == run.bench.gan.networks.keys()
    assert folder.is_complete() and folder.branch("random_mask").is_complete()


def test_two_of_four_stay_in_every_kernel_and_every_control(tmp_path):
    options = {**OPTIONS, "unit": "2:4", "rounds": 1, "rate": 0.5, "branch_rounds": (1,)}
    with pytest.warns(ToolkitWarning, match="leaves whole what has no multiple of 4"):
        run = run_lottery({**options, "prune": ("generator", "discriminator")}, tmp_path / "run")
    round_1 = run.replicate.round(1)
    trained = run.replicate.round(0).weights.get()
    for folder in (round_1, round_1.branch("random_mask"), round_1.branch("one_shot")):
        masks = folder.final_masks.get()
        for name, kept in masks.items():
            for path, stays in kept.items():
                fours = stays.reshape(*stays.shape[:2], -1, 4, stays.shape[-1])
                assert np.all(np.count_nonzero(fours, axis=3) == 2)
                assert not folder.weights.get()[name][path][~stays].any()
                if folder is round_1:
                    sizes = np.abs(trained[name][path]).reshape(fours.shape)
                    lowest_kept = np.where(fours, sizes, np.inf).min(axis=3)
                    assert np.all(lowest_kept >= np.where(fours, 0, sizes).max(axis=3))
