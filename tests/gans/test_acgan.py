"""The auxiliary classifier GAN: its networks."""

import pytest
from twins import build, check, parameters

from tf_gan_lth.experiment.errors import UsageError

CLASSES = 5


def test_parameters_at_cifar10_size_are_those_of_studiogan():
    networks = build("acgan", resolution=32, classes=10)
    assert parameters(networks["generator"]) == 4_304_387
    assert parameters(networks["discriminator"]) == 1_057_159


@pytest.mark.parametrize("resolution", [8, 16, 32])
def test_the_generator_equals_that_of_pytorch(resolution):
    pytest.importorskip("torch")
    import torch_residual

    network = build("acgan", resolution, 3, CLASSES, width=8)["generator"]
    twin = torch_residual.Generator(resolution, 8, 3, classes=CLASSES)
    check(network, twin, CLASSES)


@pytest.mark.parametrize("resolution", [8, 16, 32])
def test_the_discriminator_equals_that_of_pytorch(resolution):
    pytest.importorskip("torch")
    import torch_residual

    network = build("acgan", resolution, 3, CLASSES, discriminator_width=8)["discriminator"]
    twin = torch_residual.Discriminator(resolution, 8, 3, classify=CLASSES)
    check(network, twin, CLASSES)


@pytest.mark.parametrize("resolution", [4, 24])
def test_other_resolutions_are_refused(resolution):
    message = f"--resolution={resolution} does not fit acgan: .* power of two from 8 on"
    with pytest.raises(UsageError, match=message):
        build("acgan", resolution, classes=CLASSES)
