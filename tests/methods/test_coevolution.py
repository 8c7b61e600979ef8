"""Co-evolution searches within each budget, counts what it spends, and continues bit for bit."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from compressions import BUDGETS, GENERATOR, compressed, set_up
from helpers import equal, run_lottery

from tf_gan_lth import gans
from tf_gan_lth.experiment import seeds
from tf_gan_lth.methods import coevolution, jobs
from tf_gan_lth.methods.candidate import rewind
from tf_gan_lth.methods.search import Judges, Search, planned
from tf_gan_lth.pruning.cost import cost
from tf_gan_lth.pruning.masks import apply

GIVEN = {"method": "coevolution", "budgets": BUDGETS, "search_share": 0.5, "population": 3}
# Twelve pictures are too few for a FID, and enough for what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore:12 .* images for 64 features")


@pytest.fixture(scope="module")
def run(dense, tmp_path_factory):
    return compressed(dense.replicate.path, tmp_path_factory.mktemp("runs") / "run", **GIVEN)


@pytest.fixture(scope="module")
def translated(translation_options, tmp_path_factory):
    """A search of both directions of a CycleGAN, not trained further."""
    folder = tmp_path_factory.mktemp("translated")
    options = {**translation_options, "rounds": 0, "branches": (), "prune": ("generator",)}
    dense = run_lottery(options, folder / "dense")
    given = {**GIVEN, "budgets": (0.5,), "steps": 40}
    finished = set_up(dense.replicate.path, folder / "run", **given)
    here = finished.replicate.round(1)
    finished.method.dense.adopt(finished.bench, finished.replicate)
    plan = planned(finished.bench, finished.bench.options(coevolution.Options), 0.5)
    search = Search(finished.bench, here, 0.5, plan)
    return finished, here, plan, search.found()


def searched(finished, number):
    return finished.replicate.round(number).phase("search").training.get()


def test_a_budget_has_the_trained_weights_of_what_was_found(dense, run):
    trained = dense.replicate.round(0).weights.get()
    for number, budget in enumerate(BUDGETS, 1):
        folder = run.replicate.round(number)
        record = folder.sparsity.get()[GENERATOR]
        assert 0.5 * budget * record["macs"] < record["macs_left"] <= budget * record["macs"]
        start = run.recorder.beginning(folder)
        expected = rewind(trained, folder.masks.get())
        assert all(equal(start.weights[name], snapshot) for name, snapshot in expected.items())
        assert start.step == searched(run, number)["steps"]
        assert not folder.phase("search").checkpoint.exists()


def test_what_the_search_spends_counts_as_steps(run):
    networks = run.bench.gan.networks
    generator, discriminator = (cost(networks[n]).macs for n in (GENERATOR, "discriminator"))
    dense_step = (3 * 3 * 8 + 2 * 8) * discriminator + (3 * 4 + 3 * 8) * generator
    for number, budget in enumerate(BUDGETS, 1):
        record = run.replicate.round(number).training.get()
        search = record["phases"]["search"]
        each = 8 * (round(budget * generator) + discriminator)
        judged = search["population"] * search["generations"]
        assert search["macs"] == 8 * (generator + discriminator) + judged * each
        assert search["steps"] == -(-search["macs"] // dense_step)
        assert record["steps"] + search["steps"] == 4
        assert len(search["fitness"][GENERATOR]) == search["generations"]


def test_fitness_is_what_the_trained_discriminator_makes_of_it(run):
    bench, here = run.bench, run.replicate.round(1)
    mask = bench.read_masks(here.masks.get())[GENERATOR]
    weights = run.replicate.round(0).weights.get()
    generator, discriminator = (
        keras.models.clone_model(bench.gan.networks[name]) for name in (GENERATOR, "discriminator")
    )
    gans.load_snapshot(discriminator, weights["discriminator"])
    seed = seeds.pair(bench.config.seed, "replicate", 0, "search")
    [latents] = bench.gan.prior.draw(8, seed)
    scores = []
    for kept in (bench.full_masks[GENERATOR], mask):
        gans.load_snapshot(generator, apply(weights[GENERATOR], kept.expand()))
        scores.append(discriminator(generator(latents, training=True), training=False).numpy())
    loss = np.mean((scores[0] - scores[1]) ** 2)
    pruned = sum(
        len(group.writers) * int((~mask.kept[group.name]).sum()) for group in mask.groups.prunable
    )
    found = Judges(bench, here, 8).fitness(GENERATOR, mask, cycle=False)
    assert found == pytest.approx(500.0 / (loss + 1e-8) + 0.001 * pruned, rel=1e-3)


def test_a_search_that_was_stopped_continues_bit_for_bit(dense, run, tmp_path):
    there = set_up(dense.replicate.path, tmp_path / "run", **GIVEN)
    there.method.dense.adopt(there.bench, there.replicate)
    here = there.replicate.round(1)
    plan = planned(there.bench, there.bench.options(coevolution.Options), BUDGETS[0])
    assert plan.generations > 1
    stopped = Search(there.bench, here, BUDGETS[0], dataclasses.replace(plan, generations=1))
    stopped.found()
    stopped.folder.training.path.unlink()
    assert int(stopped.folder.checkpoint.get()["generation"]) == 1
    jobs.run(there.method, there.bench, there.run)
    whole = run.run.path
    files = sorted(path.relative_to(whole) for path in whole.rglob("*.npz"))
    assert len(files) > 10
    for file in files:
        assert (whole / file).read_bytes() == (tmp_path / "run" / file).read_bytes(), file
    assert searched(there, 1)["fitness"] == searched(run, 1)["fitness"]


def test_both_directions_of_a_translation_evolve_against_each_other(translated):
    finished, here, plan, masks = translated
    state = Search(finished.bench, here, 0.5, plan).folder.checkpoint.get()
    assert int(state["generation"]) == plan.generations > 1
    assert masks.keys() == {"generator_a2b", "generator_b2a"}
    for name, mask in masks.items():
        network = finished.bench.gan.networks[name]
        assert cost(network, mask.expand()).macs_left <= 0.5 * cost(network).macs
        assert state[f"{name}/population"].shape == (plan.population, mask.total)
        assert np.array_equal(state[f"{name}/population"][0], state[f"{name}/best"])


def test_a_translations_fitness_has_the_way_back(translated):
    finished, here, plan, masks = translated
    bench, name, other = finished.bench, "generator_a2b", "generator_b2a"
    judges = Judges(bench, here, plan.images)
    judges.load(other, masks[other])
    alone, both = (judges.fitness(name, masks[name], cycle) for cycle in (False, True))
    weights = finished.replicate.round(0).weights.get()
    networks = {}
    for each in (name, other):
        networks[each] = keras.models.clone_model(bench.gan.networks[each])
        gans.load_snapshot(networks[each], apply(weights[each], masks[each].expand()))
    images = judges.inputs[name][0]
    assert images.shape[0] == plan.images == 8
    returned = networks[other](networks[name](images, training=True), training=True)
    cycle = 10.0 * float(tf.reduce_mean(tf.abs(returned - images)))
    pruned = sum(
        0.001 * len(group.writers) * int((~masks[name].kept[group.name]).sum())
        for group in masks[name].groups.prunable
    )
    loss = 500.0 / (alone - pruned)
    assert both - pruned == pytest.approx(500.0 / (loss + cycle), rel=1e-3)
