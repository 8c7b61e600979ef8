"""Compressors start from one dense GAN, keep their budgets, and train for equally many steps."""

import numpy as np
import pytest
from compressions import BUDGETS, GENERATOR, OPTIONS, Stopper, compressed, set_up
from helpers import equal, run_lottery

import tf_gan_lth as lth
from tf_gan_lth import findings
from tf_gan_lth.experiment.errors import RunFolderError, UsageError
from tf_gan_lth.methods import compressing
from tf_gan_lth.methods.branches import BRANCHES
from tf_gan_lth.methods.candidate import rewind
from tf_gan_lth.methods.records import training_record
from tf_gan_lth.pruning.cost import cost
from tf_gan_lth.training import Start


def given_to(name):
    """The options of a method that rank channels over all layers."""
    return {"method": name, **({"ranking": "global"} if name == "gan_slimming" else {})}


@pytest.fixture(scope="module")
def runs(dense, tmp_path_factory):
    """Makes a compression by each method, once: {name: what it is}."""
    folder, made = tmp_path_factory.mktemp("runs"), {}

    def make(name):
        if name not in made:
            made[name] = compressed(dense.replicate.path, folder / name, **given_to(name))
        return made[name]

    return make


def start_of(finished, number):
    return finished.recorder.beginning(finished.replicate.round(number))


def begins_with(start, weights, masks):
    """Whether a training began with mask x weights, of the networks that these have."""
    expected = rewind(weights, masks)
    return all(equal(start.weights[name], snapshot) for name, snapshot in expected.items())


def magnitudes(trained):
    return {path: np.abs(array) for path, array in trained.items() if path.endswith("/kernel")}


def ranked_by_hand(finished, values):
    """How many channels a budget allows, added one by one in the order of their means."""
    mask = finished.bench.full_masks[GENERATOR]
    network = finished.bench.gan.networks[GENERATOR]
    means = {g.name: g.values(values).mean(axis=1, dtype=np.float64) for g in mask.groups.prunable}
    best = {name: int(np.argmax(each)) for name, each in means.items()}
    order = sorted(
        (-mean, name, channel)
        for name, each in means.items()
        for channel, mean in enumerate(each)
        if channel != best[name]
    )
    kept = {name: np.arange(each.size) == best[name] for name, each in means.items()}
    found = {}
    for _, name, channel in order:
        more = {**kept, name: kept[name].copy()}
        more[name][channel] = True
        left = cost(network, type(mask)(mask.groups, more).expand()).macs_left
        for budget in BUDGETS:
            if left > budget * cost(network).macs:
                found.setdefault(budget, kept)
        kept = more
    return found


def test_round_0_is_the_dense_gan_and_is_not_trained_again(dense, runs):
    run = runs("finetuning")
    assert run.recorder.order == [(1, "main"), (2, "main")]
    there, here = dense.replicate.round(0), run.replicate.round(0)
    for artifact in ("training", "scores", "samples"):
        assert getattr(here, artifact).get() == getattr(there, artifact).get()
    assert equal(here.weights.get(), there.weights.get())
    assert equal(run.replicate.initial.get(), dense.replicate.initial.get())
    assert [row.round for row in findings.read_results(run.run)] == [0, 1, 2]
    stored = run.run.config.get()["options"]
    assert stored["parent"] == run.run.parent.get()["digest"] == run.method.dense.digest
    assert run.run.parent.get()["run"] == str(dense.run.path)
    for name in ("width", "resolution", "seed", "learning_rate", "steps", "protocol"):
        assert stored[name] == dense.run.config.get()["options"][name]


@pytest.mark.parametrize("name", ["finetuning", "ticket"])
def test_a_budget_keeps_the_channels_that_rank_first(dense, runs, name):
    run = runs(name)
    trained = dense.replicate.round(0).weights.get()[GENERATOR]
    expected = ranked_by_hand(run, magnitudes(trained))
    for number, budget in enumerate(BUDGETS, 1):
        folder = run.replicate.round(number)
        mask = run.bench.read_masks(folder.masks.get())[GENERATOR]
        assert equal(mask.kept, expected[budget])
        record = folder.sparsity.get()[GENERATOR]
        assert record["macs_left"] <= budget * record["macs"]


def test_finetuning_goes_on_from_all_that_was_trained(dense, runs):
    run = runs("finetuning")
    trained = dense.replicate.round(0).weights.get()
    start = start_of(run, 1)
    assert start.weights.keys() == trained.keys() and "generator_ema" in trained
    assert begins_with(start, trained, run.replicate.round(1).masks.get())
    assert run.run.read_config().lottery.discriminator_start == "dense"
    assert run.run.read_config().training.terms == ("r1:0.1",)


@pytest.mark.parametrize(("name", "teaching"), [("ticket", 0.0), ("ticket_distilled", 1.0)])
def test_a_ticket_is_rewound_to_theta_0_with_its_discriminator(dense, runs, name, teaching):
    run = runs(name)
    for number in (1, 2):
        start = start_of(run, number)
        masks = run.replicate.round(number).masks.get()
        assert begins_with(start, dense.replicate.initial.get(), masks)
        assert (start.teaching, start.step) == (teaching, 0)


def test_the_teacher_is_the_dense_generator_and_makes_a_difference(dense, runs):
    plain, taught = (runs(name).replicate.round(1) for name in ("ticket", "ticket_distilled"))
    assert equal(plain.masks.get(), taught.masks.get())
    assert not equal(plain.weights.get()[GENERATOR], taught.weights.get()[GENERATOR])
    teacher = runs("ticket_distilled").bench.trainer.model.teachers[GENERATOR]
    [latents] = dense.bench.gan.prior.draw(4, np.array([1, 2], np.int32))
    trained = dense.replicate.round(0).weights.get()[GENERATOR]
    loaded = lth.open_run(dense.run.path).ticket(0).generator(averaged=False)
    assert equal(trained, lth.open_run(dense.run.path).ticket(0).weights[GENERATOR])
    assert np.allclose(teacher(latents), loaded(latents), atol=1e-6)


def test_a_student_has_the_largest_channels_of_every_layer(dense, runs):
    run = runs("distillation")
    trained = dense.replicate.round(0).weights.get()
    weights = dense.replicate.initial.get() | {GENERATOR: trained[GENERATOR]}
    assert begins_with(start_of(run, 1), weights, run.replicate.round(1).masks.get())
    full = run.bench.full_masks[GENERATOR]
    norms = magnitudes(trained[GENERATOR])
    mask = run.bench.read_masks(run.replicate.round(1).masks.get())[GENERATOR]
    shares = set()
    for group in full.groups.prunable:
        means = group.values(norms).mean(axis=1)
        kept = mask.kept[group.name]
        assert means[kept].min() >= means[~kept].max()
        shares.add(kept.sum() / kept.size)
    assert max(shares) - min(shares) <= 1 / min(g.size for g in full.groups.prunable)


@pytest.mark.slow
def test_a_fresh_student_has_weights_of_its_own(dense, tmp_path):
    given = {"method": "distillation", "student": "fresh", "budgets": (0.5,), "steps": 1}
    run = compressed(dense.replicate.path, tmp_path / "run", **given)
    folder = run.replicate.round(1)
    start = start_of(run, 1)
    fresh = run.bench.fresh_weights(0, "round", 1, "student")
    weights = dense.replicate.initial.get() | {GENERATOR: fresh[GENERATOR]}
    assert begins_with(start, weights, folder.masks.get())
    assert not equal(fresh[GENERATOR], dense.replicate.initial.get()[GENERATOR])
    assert folder.training.get()["steps"] == 1


def test_slimming_is_one_phase_and_gammas_decide(dense, runs):
    run = runs("gan_slimming")
    trained = dense.replicate.round(0).weights.get()
    slimming = run.replicate.round(0).phase("slimming")
    begun = run.recorder.beginnings["replicate 0, round 0, slimming"]
    assert begins_with(begun, trained, {}) and (begun.step, begun.teaching) == (0, 1.0)
    slimmed = slimming.weights.get()
    gammas = {
        path: np.abs(array) for path, array in slimmed[GENERATOR].items() if path.endswith("/gamma")
    }
    expected = ranked_by_hand(run, gammas)
    for number, budget in enumerate(BUDGETS, 1):
        masks = run.replicate.round(number).masks.get()
        assert equal(run.bench.read_masks(masks)[GENERATOR].kept, expected[budget])
        start = start_of(run, number)
        assert begins_with(start, slimmed, masks) and (start.step, start.teaching) == (2, 1.0)
    terms = dict(text.split(":") for text in run.run.read_config().training.terms)
    assert terms == {"r1": "0.1", "distill_images": "10.0", "gamma_l1": "0.03"}
    assert run.run.read_config().training.gamma_learning_rate == 0.1


def test_the_dense_gan_of_a_lottery_is_that_of_all_methods(dense, tmp_path):
    options = {
        **OPTIONS,
        **{"rounds": 1, "replicates": 1, "unit": "channel", "budget": "macs", "budgets": (0.5,)},
        **{"method": "gan_slimming", "discriminator_start": "dense", "gamma_learning_rate": 0.1},
        "terms": ("r1:0.1", "distill_images:10", "gamma_l1:3"),
    }
    run = run_lottery(options, tmp_path / "run")
    trained = run.replicate.round(0).weights.get()
    assert equal(trained, dense.replicate.round(0).weights.get())
    slimmed = run.replicate.round(0).phase("slimming").weights.get()
    gamma = next(path for path in trained[GENERATOR] if path.endswith("/gamma"))
    assert np.abs(slimmed[GENERATOR][gamma]).mean() < 0.7 * trained[GENERATOR][gamma].mean()


def test_a_term_that_is_left_out_is_as_if_nobody_had_asked_for_it(dense, runs):
    run = runs("gan_slimming")
    folder = run.replicate.round(1)
    stream = folder.stream(0)
    weights = dense.replicate.round(0).weights.get()
    with_term, without = (
        run.bench.trainer.train(Start(weights, {}, stream, without=left), stop=1).weights
        for left in ((), ("gamma_l1", "distill_images"))
    )
    other = runs("finetuning").bench.trainer.train(Start(weights, {}, stream), stop=1).weights
    assert equal(without, other)
    gamma = next(path for path in without[GENERATOR] if path.endswith("/gamma"))
    assert np.abs(without[GENERATOR][gamma] - with_term[GENERATOR][gamma]).max() > 0


@pytest.mark.parametrize(
    "name", ["finetuning", "ticket", "ticket_distilled", "distillation", "gan_slimming"]
)
def test_every_method_has_as_many_steps_and_says_what_they_took(runs, name):
    run = runs(name)
    networks = run.bench.gan.networks
    generator, discriminator = (cost(networks[n]).macs for n in (GENERATOR, "discriminator"))
    taught = any(term.startswith("distill") for term in run.run.read_config().training.terms)
    for number in (1, 2):
        folder = run.replicate.round(number)
        record = folder.training.get()
        left = folder.sparsity.get()[GENERATOR]["macs_left"]
        # Three discriminator steps of 4 real images and as many generated ones, forwards and twice
        # backwards; one of the generator, of 8, through both networks.
        judged = (3 * 3 * 8 + 2 * 8) * discriminator
        drawn, teacher = 3 * 4 + 3 * 8, 8 * generator * taught
        assert record["macs"] == record["steps"] * (judged + drawn * left + teacher)
        phases = record.get("phases", {})
        for phase in phases.values():
            assert phase["macs"] == phase["steps"] * (judged + drawn * generator + teacher)
        assert record["steps"] + sum(phase["steps"] for phase in phases.values()) == 4
    assert [result.steps for result in findings.read_results(run.run)] == [4, 4, 4]
    assert set(phases) == ({"slimming"} if name == "gan_slimming" else set())


def test_fresh_weights_take_as_many_steps_and_count_no_phase_that_they_do_not_go_on_from(runs):
    run = runs("gan_slimming")
    small = run.method.compressed(run.bench, run.replicate.round(1), BUDGETS[0])
    record = training_record(run.bench, BRANCHES["random_init"](run.bench, small))
    assert small.phases and record["steps"] == 4 and "phases" not in record


def test_slimming_that_was_stopped_in_each_phase_continues_bit_for_bit(dense, runs, tmp_path):
    given = given_to("gan_slimming")
    for title, step in [("round 0, slimming", 1), ("round 1, main", 3)]:
        with pytest.raises(KeyboardInterrupt):
            compressed(dense.replicate.path, tmp_path / "run", Stopper(title, step), **given)
    done = compressed(dense.replicate.path, tmp_path / "run", **given)
    assert "replicate 0, round 0, slimming" not in done.recorder.beginnings
    whole = runs("gan_slimming").run.path
    files = sorted(path.relative_to(whole) for path in whole.rglob("*.npz"))
    assert len(files) > 10
    for file in files:
        assert (whole / file).read_bytes() == (tmp_path / "run" / file).read_bytes(), file


def test_replicates_share_a_dense_gan_or_have_their_own(dense, tmp_path):
    given = {"method": "finetuning", "budgets": (0.5,), "replicates": 2}
    one = compressed(dense.replicate.path, tmp_path / "one", **given)
    each = compressed(dense.run.path, tmp_path / "each", **given)
    theirs = [dense.run.replicate(number).round(0).weights.get() for number in (0, 1)]
    for number in (0, 1):
        shared = one.run.replicate(number).round(0)
        assert equal(shared.weights.get(), theirs[0])
        assert equal(each.run.replicate(number).round(0).weights.get(), theirs[number])
    assert one.method.dense.digest != each.method.dense.digest
    first, second = (one.run.replicate(number) for number in (0, 1))
    assert not equal(first.round(1).weights.get(), second.round(1).weights.get())
    # Another replicate scores the same GAN with draws of its own.
    scores = [replicate.round(0).scores.get()[GENERATOR]["fid"] for replicate in (first, second)]
    assert scores[0] == dense.replicate.round(0).scores.get()[GENERATOR]["fid"] != scores[1]
    assert len(findings.read_results(one.run)) == 4


def test_a_compressed_generator_can_be_slim(runs):
    run = lth.open_run(runs("ticket").run.path)
    slim = run.ticket(2).generator(slim=True)
    record = run.ticket(2).folder.sparsity.get()[GENERATOR]
    assert cost(slim).macs == record["macs_left"]


def test_a_compressor_is_a_value_of_a_lottery_too(tmp_path):
    options = {**OPTIONS, "steps": 1, "replicates": 1, "method": "finetuning", "budgets": (0.5,)}
    options |= {"rounds": 1, "unit": "channel", "budget": "macs", "branches": ()}
    run = run_lottery({**options, "discriminator_start": "dense"}, tmp_path / "run")
    assert run.recorder.order == [(0, "main"), (1, "main")]
    trained = run.replicate.round(0).weights.get()
    assert begins_with(start_of(run, 1), trained, run.replicate.round(1).masks.get())
    for change, message in [
        ({"rounds": 2}, "it needs --rounds=1"),
        ({"unit": "element"}, "needs --unit=channel --budget=macs"),
        ({"discriminator_start": "rewound"}, "it needs --discriminator_start=dense"),
        ({"method": "imp"}, "--budgets=0.5 is for compressors: leave it out"),
        ({"method": "ticket_distilled"}, "needs --terms=distill_images:WEIGHT, such as"),
        (
            {"method": "gan_slimming", "terms": ("distill_images:10", "gamma_l1:1")},
            "needs --gamma_learning_rate=VALUE, such as 0.1",
        ),
    ]:
        given = {**options, "discriminator_start": "dense", **change}
        if change.get("method") == "ticket_distilled":
            given["discriminator_start"] = "rewound"
        with pytest.raises(UsageError, match=message):
            run_lottery(given, tmp_path / "refused")
    assert not (tmp_path / "refused").exists()


def test_what_is_the_dense_runs_anyway_may_be_said(dense):
    given = {"gan": "sngan", "width": 8, "learning_rate": 2e-4, "loss": "hinge", "unit": "channel"}
    given |= {"method": "ticket", "budgets": (0.5,), "terms": ("r1:0.1", "distill_images:3")}
    config, _ = compressing.prepare(str(dense.replicate.path), given)
    assert config.training.terms == ("r1:0.1", "distill_images:3.0")
    assert config.lottery.branches == () and config.lottery.branch_rounds == (1,)
    assert config.lottery.ranking == "global"


def test_slimming_ranks_within_layers_unless_it_is_told_otherwise(dense):
    for given, ranking in [({}, "layerwise"), ({"ranking": "global"}, "global")]:
        given |= {"method": "gan_slimming", "budgets": (0.5,)}
        config, _ = compressing.prepare(str(dense.replicate.path), given)
        assert config.lottery.ranking == ranking


def test_another_dense_gan_in_the_same_folder_is_refused(dense, runs):
    other = dense.run.replicate(1).path
    path = runs("finetuning").run.path
    with pytest.raises(RunFolderError, match="holds another experiment: --parent is"):
        set_up(other, path, method="finetuning")
    with pytest.raises(RunFolderError, match="--budgets is"):
        set_up(dense.replicate.path, path, method="finetuning", budgets=(0.5,))
