"""GAN Compression trains one supernet, searches within each budget, and continues bit for bit."""

import dataclasses
import itertools
import shutil

import numpy as np
import pytest
import tf_keras as keras
from compressions import BUDGETS, GENERATOR, Stopper, compressed
from helpers import equal, run_lottery

import tf_gan_lth as lth
from tf_gan_lth import gans
from tf_gan_lth.experiment import seeds
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.methods import criteria
from tf_gan_lth.methods.candidate import rewind
from tf_gan_lth.methods.gan_compression import Options, supernets_of
from tf_gan_lth.methods.width_search import Search, planned
from tf_gan_lth.pruning.cost import cost
from tf_gan_lth.pruning.masks import apply

GIVEN = {
    "method": "gan_compression",
    "budgets": BUDGETS,
    "steps": 12,
    "search_share": 0.25,
    "population": 4,
    "widths": (1.0, 0.5, 0.25),
}
# Two widths of each layer: so few configurations that all are judged.
FEW = {
    **GIVEN,
    "budgets": (0.9,),
    "widths": (1.0, 0.25),
    "search_share": 0.4,
    "population": 32,
    "student": "fresh",
}
SECONDS = {"seconds": np.float64(0.0)}
# Twelve pictures are too few for a FID, and enough for what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore:12 .* images for 64 features")


@pytest.fixture(scope="module")
def run(dense, tmp_path_factory):
    done = compressed(dense.replicate.path, tmp_path_factory.mktemp("runs") / "run", **GIVEN)
    assert done.bench.trainer.model.traces == 1
    return done


def supernet_of(finished):
    return finished.replicate.round(0).phase("supernet")


def searched(finished, number):
    return finished.replicate.round(number).phase("search").training.get()


def test_one_supernet_is_trained_for_all_budgets(dense, run):
    trained = dense.replicate.round(0).weights.get()
    begun = run.recorder.beginnings["replicate 0, round 0, supernet"]
    assert all(equal(begun.weights[name], snapshot) for name, snapshot in trained.items())
    assert (begun.step, begun.teaching) == (0, 1.0)
    supernet = supernet_of(run)
    assert supernet.training.get()["steps"] == 6
    assert not supernet.checkpoint.exists() and not supernet.scores.exists()
    assert sum("supernet" in title for title in run.recorder.beginnings) == 1
    weights = supernet.weights.get()
    for number in (1, 2):
        here = run.replicate.round(number)
        start = run.recorder.beginning(here)
        expected = rewind(weights, here.masks.get())
        assert all(equal(start.weights[name], snapshot) for name, snapshot in expected.items())
    terms = run.run.read_config().training.terms
    assert set(terms) == {"r1:0.1", "distill_images:10.0", "distill_features:0.01"}


def test_budgets_are_kept_by_the_teachers_largest_channels(dense, run):
    trained = dense.replicate.round(0).weights.get()[GENERATOR]
    magnitudes = {
        path: np.abs(array) for path, array in trained.items() if path.endswith("/kernel")
    }
    for number, budget in enumerate(BUDGETS, 1):
        here = run.replicate.round(number)
        record = here.sparsity.get()[GENERATOR]
        assert record["macs_left"] <= budget * record["macs"]
        mask = run.bench.read_masks(here.masks.get())[GENERATOR]
        for group in mask.groups.prunable:
            kept, norms = mask.kept[group.name], group.values(magnitudes).sum(axis=1)
            assert kept.sum() in {group.size, group.size // 2, group.size // 4}
            assert norms[kept].min() >= norms[~kept].max(initial=0.0)


def test_what_supernet_and_search_spend_counts(run):
    networks = run.bench.gan.networks
    generator, discriminator = (cost(networks[n]).macs for n in (GENERATOR, "discriminator"))
    # The teacher makes the generator's 8 images once for both terms.
    dense_step = (3 * 3 * 8 + 2 * 8) * discriminator + (3 * 4 + 3 * 8 + 8) * generator
    for number, budget in enumerate(BUDGETS, 1):
        record = run.replicate.round(number).training.get()
        assert list(record["phases"]) == ["supernet", "search"]
        supernet, search = record["phases"].values()
        assert supernet["macs"] == 6 * dense_step
        judged = search["population"] * search["generations"]
        assert search["macs"] == 8 * (generator + judged * round(budget * generator))
        assert search["steps"] == -(-search["macs"] // dense_step) <= 3
        assert record["steps"] + supernet["steps"] + search["steps"] == 12
        assert run.recorder.beginning(run.replicate.round(number)).step == 6 + search["steps"]
        fitness = search["fitness"][GENERATOR]
        assert len(fitness) == search["generations"] and fitness == sorted(fitness)


def test_a_run_that_was_stopped_in_each_phase_continues_bit_for_bit(dense, run, tmp_path):
    for stopper in (Stopper("round 0, supernet", 3), Stopper("round 1, main", 11)):
        with pytest.raises(KeyboardInterrupt):
            compressed(dense.replicate.path, tmp_path / "run", stopper, **GIVEN)
    done = compressed(dense.replicate.path, tmp_path / "run", **GIVEN)
    assert "replicate 0, round 0, supernet" not in done.recorder.beginnings
    whole = run.run.path
    files = sorted(path.relative_to(whole) for path in whole.rglob("*.npz"))
    assert len(files) > 10
    for file in files:
        assert (whole / file).read_bytes() == (tmp_path / "run" / file).read_bytes(), file
    for number in (1, 2):
        assert searched(done, number)["fitness"] == searched(run, number)["fitness"]


def search_in(finished, path, generations=None):
    """The search of the first budget once more, in a copy of the run; and its plan."""
    bench, given = finished.bench, finished.bench.config
    if not path.exists():
        shutil.copytree(finished.run.path, path)
    here = RunFolder(path).replicate(0).round(7)
    dense = here.of_replicate.round(0)
    fresh = bench.options(Options).student == "fresh"
    scores = None if fresh else criteria.magnitude(bench, dense)
    supernets, budget = supernets_of(bench, scores), given.lottery.budgets[0]
    plan = planned(bench, bench.options(Options), supernets, budget, 6)
    cut = dataclasses.replace(plan, generations=generations or plan.generations)
    weights = dense.phase("supernet").weights.get()
    return Search(bench, here, budget, cut, supernets, weights), plan


def test_a_search_that_was_stopped_continues_bit_for_bit(run, tmp_path):
    stopped, plan = search_in(run, tmp_path / "run", generations=1)
    assert plan.generations > 2 and not stopped._every
    stopped.found()
    stopped.folder.training.path.unlink()
    assert int(stopped.folder.checkpoint.get()["generation"]) == 1
    again, whole = (search_in(run, tmp_path / name)[0] for name in ("run", "whole"))
    assert equal(again.found()[GENERATOR].kept, whole.found()[GENERATOR].kept)
    records = [each.folder.training.get() for each in (again, whole)]
    assert records[0]["fitness"] == records[1]["fitness"]
    assert equal(again.folder.checkpoint.get() | SECONDS, whole.folder.checkpoint.get() | SECONDS)


@pytest.fixture(scope="module")
def few(dense, tmp_path_factory):
    """Of so few configurations that all are judged; the student has weights of its own."""
    return compressed(dense.replicate.path, tmp_path_factory.mktemp("runs") / "few", **FEW)


def test_of_few_configurations_the_one_closest_to_the_teachers_images_is_found(few, tmp_path):
    """By hand: every configuration within the budget, as a network with its images."""
    bench, here = few.bench, few.replicate.round(1)
    supernet = supernets_of(bench)[GENERATOR]
    network = keras.models.clone_model(bench.gan.networks[GENERATOR])
    seed = seeds.pair(bench.config.seed, "replicate", 0, "search")
    [latents] = bench.gan.prior.draw(8, seed)
    gans.load_snapshot(network, here.of_replicate.round(0).weights.get()[GENERATOR])
    taught = network(latents, training=False).numpy()
    weights = supernet_of(few).weights.get()[GENERATOR]
    distances = {}
    for configuration in itertools.product(*map(range, supernet.choices)):
        kept = supernet.mask(np.array(configuration)).expand()
        if cost(network, kept).macs_left <= 0.9 * cost(network).macs:
            gans.load_snapshot(network, apply(weights, kept))
            distances[configuration] = np.abs(network(latents, training=True) - taught).mean()
    best = min(distances, key=distances.get)
    found = bench.read_masks(here.masks.get())[GENERATOR]
    assert equal(found.kept, supernet.mask(np.array(best)).kept)
    record = searched(few, 1)
    assert max(record["fitness"][GENERATOR]) == pytest.approx(1 / distances[best], rel=1e-3)
    size = record["population"]
    judged = size + (record["generations"] - 1) * (size - 1)
    assert judged - size + 1 < len(distances) <= judged
    search, plan = search_in(few, tmp_path / "few")
    assert len(search._every[GENERATOR]) == len(distances) and plan.population == size


def test_a_fresh_student_keeps_literally_the_first_channels(dense, few):
    begun = few.recorder.beginnings["replicate 0, round 0, supernet"]
    fresh = few.bench.fresh_weights(0, "student")[GENERATOR]
    assert equal(begun.weights[GENERATOR], fresh)
    trained = dense.replicate.round(0).weights.get()
    assert equal(begun.weights["discriminator"], trained["discriminator"])
    assert not equal(fresh, trained[GENERATOR])
    mask = few.bench.read_masks(few.replicate.round(1).masks.get())[GENERATOR]
    for kept in mask.kept.values():
        assert kept.tolist() == sorted(kept.tolist(), reverse=True)


def test_both_directions_of_a_translation_are_supernets(translation_options, tmp_path):
    options = {**translation_options, "rounds": 0, "branches": (), "prune": ("generator",)}
    dense = run_lottery(options, tmp_path / "dense")
    given = {**GIVEN, "budgets": (0.5,), "steps": 8}
    done = compressed(dense.replicate.path, tmp_path / "run", **given)
    assert done.bench.trainer.model.traces == 1
    here = done.replicate.round(1)
    masks = done.bench.read_masks(here.masks.get())
    assert masks.keys() == {"generator_a2b", "generator_b2a"}
    for name, mask in masks.items():
        network = done.bench.gan.networks[name]
        assert cost(network, mask.expand()).macs_left <= 0.5 * cost(network).macs
    search = searched(done, 1)
    assert search["fitness"].keys() == masks.keys()
    slim = lth.open_run(done.run.path).ticket(1).generator("generator_a2b", slim=True)
    record = here.sparsity.get()["generator_a2b"]
    shape = done.bench.gan.networks["generator_a2b"].input_shape[1:]
    macs = cost(slim, input_shapes=[shape]).macs
    assert macs == record["macs_left"] <= 0.5 * record["macs"]
