"""BigGAN: its networks."""

import pytest
from twins import build, check, parameters

from tf_gan_lth.experiment.errors import UsageError

CLASSES = 5


def test_parameters_at_cifar10_size_are_those_of_studiogan():
    networks = build("biggan", resolution=32, classes=10)
    assert parameters(networks["generator"]) == 9_416_196
    assert parameters(networks["discriminator"]) == 2_415_170


@pytest.mark.parametrize("resolution", [16, 32])
def test_the_generator_equals_that_of_pytorch(resolution):
    pytest.importorskip("torch")
    import torch_residual

    network = build("biggan", resolution, 3, CLASSES, width=8)["generator"]
    twin = torch_residual.Generator(
        resolution, 8, 3, classes=CLASSES, spectral=True, attention=True, part=20
    )
    check(network, twin, CLASSES)


@pytest.mark.parametrize("resolution", [16, 32])
def test_the_discriminator_equals_that_of_pytorch(resolution):
    pytest.importorskip("torch")
    import torch_residual

    network = build("biggan", resolution, 3, CLASSES, discriminator_width=8)["discriminator"]
    twin = torch_residual.Discriminator(
        resolution, 8, 3, classes=CLASSES, spectral=True, attention=True
    )
    check(network, twin, CLASSES)


@pytest.mark.parametrize("resolution", [8, 24])
def test_other_resolutions_are_refused(resolution):
    message = f"--resolution={resolution} does not fit biggan: .* power of two from 16 on"
    with pytest.raises(UsageError, match=message):
        build("biggan", resolution, classes=CLASSES)
