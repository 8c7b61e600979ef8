"""What the networks of the package's GANs take, at their usual width."""

import dataclasses
from collections.abc import Iterable, Iterator

from tf_gan_lth import gans
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.gans.sizes import symbolic
from tf_gan_lth.gans.spec import GANSpec, ImageShape
from tf_gan_lth.pruning.cost import cost


def networks(
    names: Iterable[str], resolution: int, channels: int, classes: int
) -> Iterator[dict[str, object]]:
    """What each network of GANs takes, counted without making any weights.

    Args:
      names: of GANs of the package.
      resolution, channels: of the images.
      classes: of the images of conditional GANs.

    Yields:
      A dict of `gan`, `network`, `source`, `parameters`, `macs` and `reason`. One that can be
      conditional by an option comes twice. Where the resolution does not fit, `reason` says why,
      and there is one row without a network.
    """
    for name in names:
        spec = gans.find(name)
        variants = {name: spec.options()}
        if callable(spec.conditional):
            conditional = dataclasses.replace(spec.options(), conditional=True)
            variants[f"{name} --conditional"] = conditional
        for title, options in variants.items():
            shape = ImageShape(resolution, channels, classes if spec.asks_labels(options) else 0)
            yield from _rows(title, spec, options, shape)


def _rows(
    title: str, spec: GANSpec, options: object, shape: ImageShape
) -> Iterator[dict[str, object]]:
    row = {"gan": title, "network": None, "source": spec.source}
    with symbolic():
        try:
            built = spec.build(options, shape, True)
        except UsageError as error:
            yield row | {"parameters": None, "macs": None, "reason": str(error)}
            return
        counted = {name: cost(network) for name, network in built.items()}
    for name, found in counted.items():
        taken = {"parameters": found.parameters, "macs": found.macs, "reason": None}
        yield row | {"network": name} | taken
