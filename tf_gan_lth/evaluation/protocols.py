"""Protocols: named ways to compute a score. Data, not code.

With other images, another feature network or another resizing, the same weights get an FID that
differs by several points. So every score carries its protocol, and scores of different protocols
are not compared.
"""

import dataclasses
import re

from tf_gan_lth.experiment.errors import check_known


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How a score is computed.

    Attributes:
      name: name of the protocol.
      feature_network: name or path of the feature network.
      reference_split: split of the data set that generated images are compared with.
      num_images: number of generated images; None is as many as there are.
      ema: whether the generator's averaged parameters generate them (with the live batch-norm
        statistics).
      resize_filter: how images are resized if the network takes only one size: a key of
        `RESIZE_FILTERS`.
      inception_splits: number of splits that the Inception score is averaged over.
      kid_block_size: largest number of images in a block of KID.
      manifold_images: largest number of images for precision, recall, density and coverage; the
        same number of real and of generated ones.
      neighbours: k of their k-nearest-neighbour balls.
      crop: how pictures that are not square become so: see `pixels.fit`.
      grey: `repeated` if grey images are given three equal channels, as the network takes colour.
      labels: which a conditional generator is asked for: `uniform` over the classes, or `data`, as
        often as the reference has each.
    """

    name: str
    feature_network: str
    reference_split: str
    num_images: int | None
    ema: bool
    resize_filter: str = "bilinear_tf1"
    inception_splits: int = 10
    kid_block_size: int = 1000
    manifold_images: int = 10_000
    neighbours: int = 5
    crop: str = "none"
    grey: str | None = None
    labels: str = "uniform"

    def but(self, **changes: object) -> "Protocol":
        """This protocol with some fields changed; a value of None leaves the field as it is.

        The new name is the original's followed by the differences from it, in a fixed order:
        `quick+num_images=100`.
        """
        changed = dataclasses.replace(
            self, **{field: value for field, value in changes.items() if value is not None}
        )
        original = PROTOCOLS[self.name.split("+")[0]]
        labels = [original.name]
        for field in dataclasses.fields(Protocol):
            value = getattr(changed, field.name)
            if field.name != "name" and value != getattr(original, field.name):
                labels.append(f"{field.name}={_word(value)}")
        return dataclasses.replace(changed, name="+".join(labels))


def _word(value: object) -> str:
    """A value as one word: of a path only the last part, anything else in full."""
    text = str(value).rstrip("/")
    text = text if "://" in text else text.rsplit("/", 1)[-1]
    return re.sub(r"[^\w.:-]+", "_", text)


_PAPER = Protocol("paper", "inception", reference_split="train", num_images=50_000, ema=True)

PROTOCOLS = {
    protocol.name: protocol
    for protocol in [
        # Chen et al. 2021, according to their code; the network does the resizing.
        _PAPER,
        dataclasses.replace(_PAPER, name="test_split", reference_split="test"),
        dataclasses.replace(_PAPER, name="quick", num_images=5000),
        dataclasses.replace(_PAPER, name="digits", num_images=5000, feature_network="digits"),
        # One output for each test image, compared with the train images of the target domain.
        dataclasses.replace(_PAPER, name="cyclegan", num_images=None, ema=False),
    ]
}


def get(name: str) -> Protocol:
    """The protocol of that name.

    Raises:
      UsageError: there is no such protocol.
    """
    check_known("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]
