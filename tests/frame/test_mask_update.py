"""Masks that change within a training, by one function. Mechanics: training/test_updates.py."""

import pathlib

import numpy as np
import pytest

import tf_gan_lth as lth
from tf_gan_lth import data, gans
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment import plugins
from tf_gan_lth.methods.parent import open_ticket
from tf_gan_lth.pruning.masks import Elements, apply, magnitudes
from tf_gan_lth.pruning.wrapping import prunable_paths
from tf_gan_lth.training import Start, Trainer

TOY = pathlib.Path(__file__).parent / "toy_update.py"
SEED = np.array([3, 4], np.int32)
STEPS = 6


@pytest.fixture(scope="module", autouse=True)
def toy(registries):
    plugins.load((str(TOY),))


def make_trainer(**options):
    chosen = {
        "width": 4,
        "steps": STEPS,
        "discriminator_steps": 2,
        "generator_batch_size": 8,
        "discriminator_batch_size": 4,
        "learning_rate": 1e-2,
        "ema_decay": 0.5,
        "mask_update": "toy_set",
        **options,
    }
    config = configs.from_options(chosen)
    gan = gans.build(gans.find("sngan"), config, gans.ImageShape(8, 1), seed=1)
    pixels = np.random.default_rng(0).integers(0, 256, [9, 8, 8, 1], dtype=np.uint8)
    images = data.ImageSet("noise", "train", pixels, np.zeros(9, np.int64))
    weights = {name: gans.take_snapshot(network) for name, network in gan.networks.items()}
    [paths] = prunable_paths({"generator": gan.networks["generator"]}).values()
    mask = Elements.everything(weights["generator"], paths)
    mask = mask.keep(magnitudes(weights["generator"]), mask.total // 2)
    weights["generator"] = apply(weights["generator"], mask.expand())
    return Trainer(gan, config.training, images), Start(weights, {"generator": mask.expand()}, SEED)


@pytest.fixture(scope="module")
def trained():
    trainer, start = make_trainer()
    return trainer, start, trainer.train(start)


def test_it_changes_masks_and_keeps_the_number_of_weights(trained):
    _, start, after = trained
    before = start.kept["generator"]
    for path, kept in after.kept["generator"].items():
        assert kept.sum() == before[path].sum(), path
    assert any(np.any(kept != before[path]) for path, kept in after.kept["generator"].items())


def test_what_is_dropped_is_zero_in_weights_averages_and_moments(trained):
    trainer, _, after = trained
    for path, kept in after.kept["generator"].items():
        for snapshot in ("generator", "generator_ema"):
            assert not np.any(after.weights[snapshot][path][~kept]), (snapshot, path)
    model = trainer.model
    for masked in model.masks["generator"].values():
        slot = model.optimizer._index_dict[model.optimizer._var_key(masked.variable)]
        for moments in (model.optimizer._momentums, model.optimizer._velocities):
            assert not np.any(moments[slot].numpy()[masked.mask.numpy() == 0])


def test_it_is_traced_once_and_repeats_bit_for_bit(trained):
    trainer, start, first = trained
    again = trainer.train(start)
    assert trainer.model.traces == 1
    for name, snapshot in first.weights.items():
        assert all(np.array_equal(array, again.weights[name][p]) for p, array in snapshot.items())


def test_a_run_keeps_the_masks_that_training_left(tiny_options, tmp_path):
    options = {**tiny_options, "steps": 4, "rounds": 1, "branches": ()}
    run = lth.find_ticket(
        "sngan",
        options.pop("dataset"),
        tmp_path / "run",
        progress=False,
        mask_update="toy_set",
        plugins=(str(TOY),),
        **options,
    )
    ticket = run.ticket(1)
    start = ticket.folder.masks.get()["generator"]
    final = ticket.masks["generator"]
    assert any(np.any(start[path] != kept) for path, kept in final.items())
    generator = ticket.generator()
    kernels = {v.name.removesuffix(":0"): v.numpy() for v in generator.variables}
    for path, kept in final.items():
        assert kept.sum() == start[path].sum() and not np.any(kernels[path][~kept])
    # Elsewhere it is these masks that the trained weights fit.
    parent = open_ticket(str(ticket.folder.path), "trained")
    for path, kept in parent.kept["generator"].items():
        assert np.array_equal(kept, final[path])
        assert not np.any(parent.trained["generator"][path][~kept])
