"""WGAN-GP: its networks, and its penalty, which is there unless it is asked for otherwise."""

import pytest
from twins import build, check, parameters

from tf_gan_lth.experiment.errors import UsageError


def test_parameters_at_cifar10_size_are_those_of_studiogan():
    networks = build("wgan_gp", resolution=32)
    assert parameters(networks["generator"]) == 4_276_739
    assert parameters(networks["discriminator"]) == 1_055_879


@pytest.mark.parametrize("resolution", [8, 16, 32])
def test_the_generator_equals_that_of_pytorch(resolution):
    pytest.importorskip("torch")
    import torch_residual

    network = build("wgan_gp", resolution, 3, width=8)["generator"]
    twin = torch_residual.Generator(resolution, 8, 3)
    check(network, twin)


@pytest.mark.parametrize("resolution", [8, 16])
def test_the_discriminator_equals_that_of_pytorch(resolution):
    pytest.importorskip("torch")
    import torch_residual

    network = build("wgan_gp", resolution, 3, discriminator_width=8)["discriminator"]
    twin = torch_residual.Discriminator(resolution, 8, 3)
    check(network, twin)


@pytest.mark.parametrize("resolution", [4, 24])
def test_other_resolutions_are_refused(resolution):
    message = f"--resolution={resolution} does not fit wgan_gp: .* power of two from 8 on"
    with pytest.raises(UsageError, match=message):
        build("wgan_gp", resolution)
