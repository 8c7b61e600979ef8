"""What `benchmarks/train_step.py` compares: PyTorch's networks and step do what ours do."""

import dataclasses

import pytest
from twins import build, parameters

from tf_gan_lth import gans
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.training.options import resolve

NAMES = [name for name in gans.known() if gans.find(name).step == "noise_to_image"]
CLASSES = 10


def resolved(name, **options):
    sizes = {"resolution": 32, "width": 8, "discriminator_width": 4, "discriminator_steps": 1}
    batches = {"generator_batch_size": 4, "discriminator_batch_size": 4}
    config = configs.from_options({"gan": name, **sizes, **batches, **options})
    return dataclasses.replace(config, training=resolve(config.training, gans.find(name)))


@pytest.mark.parametrize("name", [*NAMES, "sngan --conditional"])
def test_networks_are_as_large_as_ours_and_a_step_moves_every_kernel(name):
    torch = pytest.importorskip("torch")
    import torch_step

    name, _, conditional = name.partition(" ")
    config = resolved(name, **({"conditional": True} if conditional else {}))
    spec = gans.find(name)
    classes = CLASSES if spec.asks_labels(gans.options_of(spec, config)) else 0
    networks = torch_step.networks(config, 3, classes)
    ours = build(name, 32, 3, classes, **config.extras)
    for network, own in zip(networks, ours.values(), strict=True):
        assert sum(p.numel() for p in network.parameters()) == parameters(own)

    step = torch_step.Step(*networks, config, classes, together=False)
    kernels = [p for network in networks for p in network.parameters() if p.ndim > 1]
    before = [kernel.detach().clone() for kernel in kernels]
    labels = torch.arange(4) if classes else None
    for _ in range(2):  # what attention adds is 0 at first, and so are its kernels' gradients
        step([torch_step.Group(torch.rand(4, 3, 32, 32) * 2 - 1, labels)])
    assert not any(torch.equal(*pair) for pair in zip(before, kernels, strict=True))
