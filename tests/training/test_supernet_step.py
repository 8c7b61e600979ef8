"""Each step of a supernet trains a configuration as the small network alone would be trained."""

import dataclasses

import numpy as np
import pytest
from helpers import equal
from tiny_sngan import OPTIONS, SEED, Losses, build, fresh_start, images

from tf_gan_lth import data, gans
from tf_gan_lth.data import draws
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.artifacts import ArrayFile
from tf_gan_lth.gans import ImageShape
from tf_gan_lth.gans.spec import GENERATOR
from tf_gan_lth.pruning.channel_masks import Channels
from tf_gan_lth.pruning.channels import channel_groups
from tf_gan_lth.pruning.supernets import Supernet
from tf_gan_lth.training import Start, Trainer
from tf_gan_lth.training.checkpoints import Checkpoints
from tf_gan_lth.training.slim import slim_trainer

SHARES = (1.0, 0.5, 0.25)
BOTH = ("generator_a2b", "generator_b2a")


def full_of(networks, names=(GENERATOR,), trunk=False):
    return {name: Channels.everything(channel_groups(networks[name], trunk)) for name in names}


def make(strategy=None, bits=32, **options):
    config = configs.from_options({**OPTIONS, **options})
    gan = build()
    full = full_of(gan.networks)
    covered = {name: list(mask.expand()) for name, mask in full.items()}
    given = {"covered": covered, "supernets": full, "bits": bits}
    return Trainer(gan, config.training, images(), strategy, **given), full


def ranked(full, shares=SHARES):
    draws = np.random.default_rng(0)
    return {
        name: Supernet.of(mask, shares, {n: draws.random(k.size) for n, k in mask.kept.items()})
        for name, mask in full.items()
    }


def drawn_in(trainer, name, step, seed=SEED):
    """The configuration of a step, drawn once more."""
    weights = trainer.model._weights
    number = list(weights.configurations).index(name)
    of_step = draws.fold_in(draws.fold_in(seed, step), -2 - number)
    return weights.configurations[name].drawn(of_step).numpy()


def test_a_configuration_is_a_function_of_seed_and_step_and_all_are_as_likely():
    trainer, both = make()
    full, supernet = both[GENERATOR], ranked(both)[GENERATOR]
    configurations = trainer.model._weights.configurations[GENERATOR]
    configurations.restart(supernet)
    found = np.stack([configurations.drawn(draws.fold_in(SEED, n)).numpy() for n in range(600)])
    assert found.shape == (600, len(full.kept)) and set(found.ravel()) == {0, 1, 2}
    for group in found.T:
        np.testing.assert_allclose(np.bincount(group) / 600, 1 / 3, atol=0.07)
    assert abs(np.corrcoef(found.T) - np.eye(found.shape[1])).max() < 0.15
    again = configurations.drawn(draws.fold_in(SEED, 7)).numpy()
    assert np.array_equal(again, found[7])
    configurations.restart(None)
    assert not configurations.drawn(draws.fold_in(SEED, 7)).numpy().any()
    assert all(kept.numpy().all() for _, kept in configurations.kept(draws.fold_in(SEED, 7)))


@pytest.fixture(scope="module")
def trained():
    """A trainer of supernets, and what one step of it made."""
    trainer, full = make(steps=3)
    supernets = ranked(full)
    start = dataclasses.replace(fresh_start(), supernets=supernets)
    losses = Losses()
    return trainer, start, losses, trainer.train(start, [losses], stop=1)


def test_a_step_is_that_of_the_configuration_alone(trained):
    trainer, start, losses, after = trained
    configuration = drawn_in(trainer, GENERATOR, 0)
    assert 0 < configuration.sum() < 2 * configuration.size
    mask = start.supernets[GENERATOR].mask(configuration)
    alone, small = slim_trainer(trainer, {GENERATOR: mask}, start.weights)
    own = Losses()
    expected = alone.train(dataclasses.replace(start, weights=small, supernets={}), [own], stop=1)
    for name, values in own.logged.items():
        np.testing.assert_allclose(losses.logged[name], values, rtol=1e-5)
    assert trainer.model.traces == 1
    # Adam's first step takes the sign of a gradient, which rounding decides next to 0.
    differs = []
    for path, array in expected.weights[GENERATOR].items():
        found = after.weights[GENERATOR][path]
        for axis, stays in mask.axes.get(path, {}).items():
            found = np.compress(stays, found, axis)
        if path.endswith("/kernel"):
            differs.append((np.abs(found - array) > 1e-5).ravel())
    assert np.mean(np.concatenate(differs)) < 0.01


def test_what_a_configuration_leaves_out_stays_as_it_is(trained):
    trainer, start, _, after = trained
    mask = start.supernets[GENERATOR].mask(drawn_in(trainer, GENERATOR, 0))
    moved = 0
    for path, kept in mask.expand().items():
        before, now = start.weights[GENERATOR][path], after.weights[GENERATOR][path]
        assert np.array_equal(before[~kept], now[~kept]), path
        moved += np.count_nonzero(before[kept] != now[kept])
    assert moved > 100


def test_a_training_without_a_supernet_is_what_it_was_in_the_same_trace(trained):
    trainer, start, _, _ = trained
    plain = dataclasses.replace(start, supernets={})
    config = configs.from_options({**OPTIONS, "steps": 3})
    expected = Trainer(build(), config.training, images()).train(plain).weights
    assert equal(trainer.train(plain).weights, expected)
    assert not equal(trainer.train(start).weights[GENERATOR], expected[GENERATOR])
    assert trainer.model.traces == 1


@pytest.mark.parametrize("bits", [32, 8])
def test_a_supernets_training_that_was_killed_continues_bit_for_bit(trained, bits, tmp_path):
    trainer, start, _, _ = trained
    if bits == 8:
        trainer, _ = make(bits=8)
    file = ArrayFile(tmp_path / "checkpoint")
    whole = trainer.train(start).weights
    trainer.train(start, stop=3, checkpoints=Checkpoints(file, 0.0))
    assert file.get()["step"] == 2
    trainer.train(dataclasses.replace(start, seed=SEED + 5), stop=1)  # another one's masks
    again = trainer.train(start, checkpoints=Checkpoints(file, 10.0)).weights
    assert equal(whole, again)


@pytest.mark.slow
def test_a_supernet_trains_likewise_compiled_and_on_two_replicas(trained, two_replicas):
    trainer, start, _, after = trained
    for other, _ in (make(jit_compile=True, steps=3), make(two_replicas, steps=3)):
        found = other.train(start, stop=1).weights[GENERATOR]
        kernels = [path for path in found if path.endswith("/kernel")]
        differs = [np.abs(found[p] - after.weights[GENERATOR][p]) > 1e-4 for p in kernels]
        assert np.mean(np.concatenate([one.ravel() for one in differs])) < 0.01


def translators(width):
    options = {"gan": "cyclegan", "width": width, "discriminator_width": 2, "blocks": 1, "steps": 1}
    config = configs.from_options({**options, "generator_batch_size": 2, "augmentation": "flip"})
    return config, gans.build(gans.find("cyclegan"), config, ImageShape(24, 1), seed=1)


def test_both_directions_train_as_the_narrow_gan_that_was_built_alone():
    """Of two widths 8 and the shares 0.5 alone: a CycleGAN of width 4, of the first weights."""
    drawn = np.random.default_rng(0).integers(0, 256, [2, 6, 24, 24, 1], dtype=np.uint8)
    sets = [data.ImageSet("n", n, i, np.zeros(6)) for n, i in zip("ab", drawn, strict=True)]
    wide, small = translators(8), translators(4)
    whole = {name: gans.take_snapshot(net) for name, net in wide[1].networks.items()}
    first = dict(whole)
    for name in BOTH:
        first[name] = {
            path: whole[name][path][tuple(slice(0, size) for size in array.shape)]
            for path, array in gans.take_snapshot(small[1].networks[name]).items()
        }
    full = full_of(wide[1].networks, BOTH, trunk=True)
    supernets = {name: Supernet.of(mask, (0.5,)) for name, mask in full.items()}
    covered = {name: list(mask.expand()) for name, mask in full.items()}
    domains = data.Domains(*sets)
    trainer = Trainer(wide[1], wide[0].training, domains, covered=covered, supernets=full)
    alone = Trainer(small[1], small[0].training, domains)
    found, expected = Losses(), Losses()
    trainer.train(Start(whole, {}, SEED, supernets=supernets), [found])
    alone.train(Start(first, {}, SEED), [expected])
    assert found.logged.keys() == expected.logged.keys()
    for name, values in expected.logged.items():
        np.testing.assert_allclose(found.logged[name], values, rtol=1e-5)
