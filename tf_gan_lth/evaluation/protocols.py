"""Protocols: the ways a score is computed, by name. Data, not code.

The same weights score several FID points apart under other images, other networks or another
resizing, so every score carries its protocol, and scores of different protocols are not compared.
"""

import dataclasses
import re

from tf_gan_lth.experiment.errors import check_known


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How a score is computed.

    Attributes:
      name: what the protocol is called.
      feature_network: name or path of what turns images into features.
      reference_split: the split of a data set that generated images are compared with.
      num_images: how many generated images; None is as many as there are.
      ema: whether the generator's averaged parameters make them (with the live batch-norm
        statistics).
      resize_filter: how images become the size that the network takes, if it takes only one: a key
        of `RESIZE_FILTERS`.
      inception_splits: parts of the generated images that the Inception score is averaged over.
      kid_block_size: most images of a block of KID.
      manifold_images: most images for precision, recall, density and coverage; as many real as
        generated ones.
      neighbours: the k of their k-nearest-neighbour balls.
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

    def but(self, **changes: object) -> "Protocol":
        """This protocol with some fields changed; None changes nothing.

        Its name is the original's and, in a fixed order, how it differs from that:
        `quick+num_images=100`."""
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
    """The last part of a path, or a whole URL, as one word; anything else as it is."""
    text = str(value).rstrip("/")
    text = text if "://" in text else text.rsplit("/", 1)[-1]
    return re.sub(r"[^\w.:-]+", "_", text)


_PAPER = Protocol("paper", "inception", reference_split="train", num_images=50_000, ema=True)

PROTOCOLS = {
    protocol.name: protocol
    for protocol in [
        # Chen et al. 2021, as read in their code; the network's own resizing.
        _PAPER,
        dataclasses.replace(_PAPER, name="test_split", reference_split="test"),
        dataclasses.replace(_PAPER, name="quick", num_images=5000),
        dataclasses.replace(_PAPER, name="digits", num_images=5000, feature_network="digits"),
        # One output for each test image, against the train images of the target domain.
        dataclasses.replace(_PAPER, name="cyclegan", num_images=None, ema=False),
    ]
}


def get(name: str) -> Protocol:
    """The protocol of that name.

    Raises:
      UsageError: there is none.
    """
    check_known("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]
