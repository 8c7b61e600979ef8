"""DCGAN and GGAN: the same networks under other losses."""

import pytest
from twins import build, check, parameters

from tf_gan_lth import gans
from tf_gan_lth.experiment.errors import UsageError

NAMES = ("dcgan", "ggan")
WIDTHS = {8: [5, 10], 16: [5, 10, 20], 32: [5, 10, 20, 40]}  # from the image inwards


@pytest.mark.parametrize("name", NAMES)
def test_parameters_at_cifar10_size_are_those_of_studiogan(name):
    networks = build(name, resolution=32)
    assert parameters(networks["generator"]) == 3_812_355
    assert parameters(networks["discriminator"]) == 2_931_009


@pytest.mark.parametrize("resolution", WIDTHS)
@pytest.mark.parametrize("kind", ["generator", "discriminator"])
def test_networks_equal_those_of_pytorch(kind, resolution):
    pytest.importorskip("torch")
    import torch_deep_conv

    network = build("dcgan", resolution, 3, width=5)[kind]
    widths = WIDTHS[resolution]
    if kind == "generator":
        check(network, torch_deep_conv.Generator(widths[::-1], 3))
    else:
        check(network, torch_deep_conv.Discriminator(widths, 3))


def test_no_map_is_wider_than_eight_times_the_outermost():
    networks = build("dcgan", 64, 1, width=2)
    filters = [
        [layer.filters for layer in network.layers if hasattr(layer, "filters")]
        for network in networks.values()
    ]
    assert filters == [[16, 8, 4, 2, 1], [2, 2, 4, 4, 8, 8, 16, 16, 16]]


def test_they_differ_in_their_losses_and_schedules():
    dcgan, ggan = (gans.find(name).usual for name in NAMES)
    assert (dcgan.loss, dcgan.steps) == ("non_saturating", 10_000)
    assert (ggan.loss, ggan.steps) == ("hinge", 100_000)
    assert dcgan.discriminator_steps == ggan.discriminator_steps == 2


@pytest.mark.parametrize("resolution", [4, 24, 100])
@pytest.mark.parametrize("name", NAMES)
def test_other_resolutions_are_refused(name, resolution):
    with pytest.raises(UsageError, match=f"--resolution={resolution} does not fit {name}: .* 8 on"):
        build(name, resolution)
