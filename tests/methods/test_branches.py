"""Controls and variants of a ticket: what each changes, and only that; SNIP as branch and as
criterion.
"""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from helpers import equal, run_lottery

from tf_gan_lth import gans
from tf_gan_lth.data import draws
from tf_gan_lth.experiment import seeds
from tf_gan_lth.methods import Candidate
from tf_gan_lth.methods.branches import BRANCHES
from tf_gan_lth.methods.candidate import expand
from tf_gan_lth.training.trainer import GRADIENT_BATCHES

CHANGES = {
    "random_mask": {"mask"},
    "random_mask_by_layer": {"mask"},
    "one_shot": {"mask"},
    "snip": {"mask"},
    "random_init": {"generator"},
    "not_rewound": {"generator", "discriminator"},
    "dense_generator": {"generator"},
    "dense_discriminator": {"discriminator"},
    "second_discriminator": {"discriminator"},
}


def ticket_of(finished, number):
    folder = finished.replicate.round(number)
    return Candidate(
        folder, finished.replicate.initial.get(), finished.bench.read_masks(folder.masks.get())
    )


@pytest.fixture
def ticket(finished):
    return ticket_of(finished, 2)


def branch_of(finished, ticket, name):
    """A branch, and the expanded mask of its generator."""
    branch = BRANCHES[name](finished.bench, ticket)
    return branch, expand(branch.masks)["generator"]


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_every_branch_is_as_sparse_as_its_ticket_and_repeatable(finished, ticket, name):
    branch, mask = branch_of(finished, ticket, name)
    again, same = branch_of(finished, ticket, name)
    theirs = ticket.masks["generator"]
    assert branch.masks["generator"].remaining == theirs.remaining
    assert branch.masks["generator"].total == theirs.total
    assert equal(mask, same) and equal(branch.weights, again.weights)
    changed = set() if equal(mask, theirs.expand()) else {"mask"}
    changed |= {n for n in ticket.weights if not equal(branch.weights[n], ticket.weights[n])}
    assert changed == CHANGES[name]


def test_a_random_mask_by_layer_keeps_the_sparsity_of_each_layer(finished, ticket):
    _, masks = branch_of(finished, ticket, "random_mask_by_layer")
    theirs = ticket.masks["generator"].expand()
    assert all(mask.sum() == theirs[path].sum() for path, mask in masks.items())


def test_one_shot_keeps_the_largest_weights_of_the_dense_gan(finished, ticket):
    _, masks = branch_of(finished, ticket, "one_shot")
    trained = finished.replicate.round(0).weights.get()["generator"]
    kept = np.concatenate([np.abs(trained[path][mask]) for path, mask in masks.items()])
    lost = np.concatenate([np.abs(trained[path][~mask]) for path, mask in masks.items()])
    assert lost.max() <= kept.min()


def test_a_branch_that_is_not_rewound_goes_on_from_the_round_before(finished, ticket):
    branch, _ = branch_of(finished, ticket, "not_rewound")
    assert equal(branch.weights, finished.replicate.round(1).weights.get())


def test_a_branch_with_a_dense_generator_starts_from_the_trained_one(finished, ticket):
    branch, _ = branch_of(finished, ticket, "dense_generator")
    dense = finished.replicate.round(0).weights.get()
    assert equal(branch.weights["generator"], dense["generator"])
    # Averages start anew, at the weights, whatever those of the ticket are.
    theta = {**ticket.weights, "generator_ema": dense["generator_ema"]}
    late, _ = branch_of(finished, dataclasses.replace(ticket, weights=theta), "dense_generator")
    assert late.weights.keys() == {"generator", "discriminator"}


def test_snip_ranks_by_the_gradient_of_the_generators_loss(finished, ticket):
    """Computed once more from its definition, with plain networks on the same latents."""
    bench = finished.bench
    initial = finished.replicate.initial.get()
    gradients = bench.generator_gradients(initial, 0)["generator"]
    assert gradients.keys() == ticket.masks["generator"].expand().keys()
    images = gans.ImageShape(8, channels=1)
    networks = gans.build(gans.find("sngan"), bench.config, images, seed=5).networks
    for name, network in networks.items():
        gans.load_snapshot(network, initial[name])
    generator, discriminator = networks["generator"], networks["discriminator"]
    seed = seeds.pair(bench.config.seed, "replicate", 0, "gradients")
    sums = dict.fromkeys(gradients, 0.0)
    for batch in range(GRADIENT_BATCHES):
        noise = draws.normal([2 * 4 + 8, 128], draws.fold_in(seed, batch))[-8:]
        with tf.GradientTape() as tape:
            scores = discriminator(generator(noise, training=True), training=True)
            loss = -tf.reduce_mean(scores)
        kernels = {path: gans.variables(generator)[path] for path in gradients}
        for path, gradient in tape.gradient(loss, kernels).items():
            sums[path] += gradient.numpy()
    for path, gradient in gradients.items():
        np.testing.assert_allclose(gradient, sums[path] / GRADIENT_BATCHES, rtol=1e-3, atol=1e-5)
    _, masks = branch_of(finished, ticket, "snip")
    saliency = {path: np.abs(initial["generator"][path] * g) for path, g in gradients.items()}
    kept = np.concatenate([saliency[path][mask] for path, mask in masks.items()])
    lost = np.concatenate([saliency[path][~mask] for path, mask in masks.items()])
    assert lost.max() <= kept.min() and np.any(lost > 0)


def test_snip_as_the_criterion_of_one_round(tiny_options, tmp_path):
    options = {**tiny_options, "criterion": "snip", "rounds": 1, "rate": 0.5, "branch_rounds": ()}
    done = run_lottery(options, tmp_path / "run")
    ticket = ticket_of(done, 1)
    _, mask = branch_of(done, ticket, "snip")
    assert equal(mask, ticket.masks["generator"].expand())
