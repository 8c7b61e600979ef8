"""What networks take in memory is known before it is taken."""

import re

import pytest

from tf_gan_lth import gans
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment import memory
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.gans import ImageShape, sizes


@pytest.mark.parametrize(
    ("options", "resolution"),
    [
        ({"width": 4}, 32),
        ({"width": 4, "discriminator_width": 6, "fused_convolutions": False}, 16),
        ({"gan": "cyclegan", "width": 4, "blocks": 2}, 32),
    ],
)
def test_numbers_are_those_of_the_networks(options, resolution):
    config = configs.from_options(options)
    spec = gans.find(config.networks.gan)
    images = ImageShape(resolution, 3)
    own = gans.options_of(spec, config)
    counted = sizes.parameters(spec.name, own, images, config.networks.fused_convolutions)
    built = gans.build(spec, config, images, seed=0).networks
    assert counted == {name: net.count_params() for name, net in built.items()}


@pytest.mark.parametrize("options", [{"width": 20_000}, {"gan": "cyclegan", "width": 20_000}])
def test_networks_that_do_not_fit_are_one_line_with_both_numbers(options):
    config = configs.from_options(options)
    with pytest.raises(UsageError, match="takes .* bytes of memory, and .* are free") as error:
        sizes.check(gans.find(config.networks.gan), config, ImageShape(32, 3))
    needed, free = (
        int(number.replace(",", ""))
        for number in re.search(r"([\d,]+) bytes .* and ([\d,]+) are", str(error.value)).groups()
    )
    assert needed > 7e11 and abs(free - memory.available()) < 4e9 and "\n" not in str(error.value)


def test_the_check_leaves_fresh_weights_as_they_were():
    config = configs.from_options({"width": 4})
    spec, images = gans.find("sngan"), ImageShape(8, 1)

    def kernel():
        return gans.build(spec, config, images, seed=3).networks["generator"].weights[0].numpy()

    before = kernel()
    sizes.check(spec, config, images)
    assert (kernel() == before).all()


def test_what_cannot_even_be_counted_is_one_line():
    config = configs.from_options({"width": 2**31 - 1})
    with pytest.raises(UsageError, match="takes more than .* bytes of memory, and .* are free"):
        sizes.check(gans.find("sngan"), config, ImageShape(32, 3))


def test_more_blocks_than_can_be_built_are_refused():
    config = configs.from_options({"gan": "cyclegan", "blocks": 10**6})
    [line] = gans.find("cyclegan").complaints(config)
    assert line.startswith("--blocks=1000000: a generator has at most 100")


def test_options_that_exceed_32_bits_are_out_of_range():
    config = configs.from_options({"width": 2**40})
    with pytest.raises(UsageError, match="it must be from 1 to 2147483647"):
        gans.options_of(gans.find("sngan"), config)
