"""A compression in 8 bits: its dense GAN has 32, and what is kept is what was scored."""

import numpy as np
import pytest
from compressions import GENERATOR, Stopper, compressed, set_up

import tf_gan_lth as lth
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.gans.layers import QuantisedMaps
from tf_gan_lth.pruning.cost import cost
from tf_gan_lth.pruning.quantisation import kernels_of

GIVEN = {"method": "gan_slimming", "budgets": (0.5,), "bits": 8}


@pytest.fixture(scope="module")
def run(dense, tmp_path_factory):
    return compressed(dense.replicate.path, tmp_path_factory.mktemp("runs") / "run", **GIVEN)


def maps_of(network):
    return [layer for layer in network.layers if isinstance(layer, QuantisedMaps)]


def test_round_0_is_the_dense_gan_in_32_bits_and_the_others_have_8(dense, run):
    there, here = dense.replicate.round(0), run.replicate.round(0)
    assert here.scores.get() == there.scores.get()
    opened = lth.open_run(run.run.path)
    assert not maps_of(opened.ticket(0).generator())
    small = opened.ticket(1).generator()
    assert maps_of(small)
    weights = run.replicate.round(1).weights.get()
    for name in (GENERATOR, GENERATOR + "_ema"):
        for path in kernels_of(small):
            scale = np.abs(weights[name][path]).max() / 127.0
            levels = weights[name][path] / scale
            np.testing.assert_allclose(levels, np.round(levels), atol=1e-3)
    [latents] = run.bench.gan.prior.draw(4, np.array([1, 2], np.int32))
    slim = opened.ticket(1).generator(slim=True)
    assert maps_of(slim) and cost(slim).macs <= 0.5 * cost(run.bench.gan.networks[GENERATOR]).macs
    np.testing.assert_allclose(slim(latents), small(latents), atol=1e-3)


def test_another_replicate_scores_the_dense_gan_in_32_bits(dense, tmp_path):
    given = {"method": "finetuning", "budgets": (0.5,), "replicates": 2}
    scores = []
    for bits in (8, 32):
        there = set_up(dense.replicate.path, tmp_path / str(bits), **given, bits=bits)
        replicate = there.run.replicate(1)
        there.method.dense.adopt(there.bench, replicate)
        weights = replicate.round(0).weights.get()
        kept = replicate.round(0).scores
        scores.append(kept.get_or(there.bench.task.score, weights, 1)[GENERATOR]["fid"])
    assert scores[0] == scores[1]
    assert scores[0] != there.bench.task.score(weights, 0)[GENERATOR]["fid"]


def test_what_was_stopped_continues_bit_for_bit(dense, run, tmp_path):
    stopper = Stopper("round 0, slimming", 1)
    with pytest.raises(KeyboardInterrupt):
        compressed(dense.replicate.path, tmp_path / "run", stopper, **GIVEN)
    compressed(dense.replicate.path, tmp_path / "run", **GIVEN)
    for folder in ("round_00/phases/slimming/weights", "round_01/weights"):
        whole, again = (path / "replicate_0" / folder for path in (run.run.path, tmp_path / "run"))
        files = sorted(whole.glob("*.npz"))
        assert len(files) == 3
        for file in files:
            assert file.read_bytes() == (again / file.name).read_bytes(), file


def test_bits_are_for_compressions_and_are_8_or_32(dense, tmp_path):
    with pytest.raises(UsageError, match="--bits=16: expected 8 or 32"):
        set_up(dense.replicate.path, tmp_path / "run", **{**GIVEN, "bits": 16})
    with pytest.raises(UsageError, match="--bits=8 is for compress: it makes a GAN small"):
        lth.find_ticket("sngan", "digits", tmp_path / "run", bits=8, steps=1)
    assert not (tmp_path / "run").exists()
