"""Plain and striped shapes: two domains drawn by code, whose true translations are known."""

import colorsys
from collections.abc import Iterator

import numpy as np
import tensorflow_datasets as tfds

from tf_gan_lth.data.pixels import quantize, scale
from tf_gan_lth.experiment import seeds
from tf_gan_lth.experiment.errors import EvaluationError, UsageError, check_known

NAME = "shapes2stripes"
SIZE = 64
PERIOD = 8  # rows; half of them dark, half light
COUNTS = {"train": 1000, "test": 200}
DIRECTIONS = ("a2b", "b2a")

AREA = (0.15, 0.45)  # share of an image that its shape covers
# Pixels. One shape an image, as several would have to agree on the phase of their stripes.
SIDES = (28, 50)
SHAPES = {  # where a shape is, for u to the right and v down, both -1..1 within the box around it
    "ellipse": lambda u, v: u**2 + v**2 <= 1,
    "rectangle": lambda u, v: np.maximum(abs(u), abs(v)) <= 1,
    "triangle": lambda u, v: 2 * abs(u) <= v + 1,
    "diamond": lambda u, v: abs(u) + abs(v) <= 1,
}
# A stripe's colour is a third of the plain one plus 0 or 170 levels: (x - 2) / 3 and (x + 2) / 3 of
# x in [-1, 1]. It is linear, so that a small network learns it; it can be undone; and plain levels
# are multiples of 3, so that 8 bits hold it exactly.
SHRINK = 3
CONTRAST = 170
# Hues from red to yellow, as horses are all of some brown. With the whole circle of hues the images
# do not say which hue belongs to which: narrow networks learned some other assignment first (seen:
# further from the truth than no change at all).
HUES = (0.0, 1 / 6)
# The average of all grounds. Instance norms take the average of a map away, so networks of them
# hardly learn to keep one.
GREY = 0.5


class Shapes2Stripes(tfds.core.GeneratorBasedBuilder):
    """64x64 RGB images of a shape on soft grey texture: plain in domain A, striped in domain B.

    A shape covers 15 to 45 % of its image, in a saturated colour from red to yellow. The stripes of
    domain B are horizontal, in bands of four rows, in a dark and a light colour that follow from
    the plain one; their phase, 0 to 7 rows, is free. `mask` is 255 inside the shape. No image of
    one domain has a counterpart in the other: every image is a draw of its own, a function of its
    split and number.
    """

    name = NAME  # TFDS would make it shapes2_stripes
    # A new one for every change of the pixels: scores depend on them.
    VERSION = tfds.core.Version("2.0.0")

    def _info(self) -> tfds.core.DatasetInfo:
        features = {
            "image": tfds.features.Image(shape=(SIZE, SIZE, 3)),
            "mask": tfds.features.Image(shape=(SIZE, SIZE, 1)),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.__doc__,
            features=tfds.features.FeaturesDict(features),
            license="Apache-2.0",
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        del dl_manager
        return {
            f"{split}{domain}": self._generate_examples(split, domain)
            for split in COUNTS
            for domain in "AB"
        }

    def _generate_examples(self, split: str, domain: str) -> Iterator[tuple[int, dict]]:
        for number in range(COUNTS[split]):
            image, mask = draw(split, domain, number)
            yield number, {"image": image, "mask": np.uint8(mask[..., None]) * 255}


def draw(split: str, domain: str, number: int) -> tuple[np.ndarray, np.ndarray]:
    """One image.

    Args:
      split: `train` or `test`.
      domain: `A`, plain, or `B`, striped.
      number: of the image within its split, at least 0.

    Returns:
      `(64, 64, 3)` uint8 image and `(64, 64)` bool mask, true inside the shape.
    """
    random = seeds.generator(0, NAME, domain, split, number)
    mask = _mask(random)
    inside = _plain_colour(random)
    if domain == "B":
        inside = _striped(inside, random.integers(PERIOD))
    return np.where(mask[..., None], inside, _ground(random)).astype(np.uint8, order="C"), mask


def counterparts(images: np.ndarray, masks: np.ndarray, direction: str) -> np.ndarray:
    """All true translations of images, made from pixels and masks alone.

    Args:
      images: `(N, 64, 64, 3)` float32 in [-1, 1] of the domain that `direction` starts from.
      masks: `(N, 64, 64, 1)` uint8, 0 outside the shape.
      direction: `a2b`, whose stripes may have any phase, or `b2a`.

    Returns:
      `(N, P, 64, 64, 3)` float32 in [-1, 1]; P is 8 for `a2b` and 1 for `b2a`.

    Raises:
      UsageError: the images have another size, or inside the masks another look than those of that
        domain.
    """
    return _families(images, masks, _colours(images, masks, direction), direction)


def distances(
    inputs: np.ndarray, outputs: np.ndarray, masks: np.ndarray, direction: str
) -> tuple[np.ndarray, np.ndarray]:
    """How far translations are from the nearest true ones.

    The nearest is the one that differs least inside the shape. A map that changes nothing has 1/3
    inside, as dark and light stripes are 2/3 apart, and 0 outside.

    Args:
      inputs, masks, direction: as in `counterparts`.
      outputs: `(N, 64, 64, 3)` float32 in [-1, 1], the translations of `inputs`.

    Returns:
      Mean absolute differences, inside and outside the shape, as shares of the value range: two
        `(N,)` float64 in [0, 1].

    Raises:
      UsageError: as in `counterparts`, or `outputs` have another shape than `inputs`.
      EvaluationError: an output is not finite.
    """
    if outputs.shape != inputs.shape:
        raise UsageError(
            f"inputs are {inputs.shape} and outputs {outputs.shape}: expected one shape"
        )
    if not np.isfinite(outputs).all():
        raise EvaluationError(
            f"translations {direction} hold values that are not finite: the generator diverged"
        )
    colours = _colours(inputs, masks, direction)
    inside, outside = np.empty((2, len(inputs)))
    for number in range(len(inputs)):  # one by one: a family is eight times as large as its image
        one = slice(number, number + 1)
        family = _families(inputs[one], masks[one], colours[one], direction)[0].astype(np.float64)
        errors = abs(outputs[number] - family).mean(-1) / 2
        shape = masks[number, ..., 0] > 0
        nearest = errors[:, shape].mean(-1).argmin()
        inside[number] = errors[nearest, shape].mean()
        outside[number] = errors[nearest, ~shape].mean()
    return inside, outside


def check_size(height: int, width: int) -> None:
    """Raises `UsageError` for another size than the drawn one."""
    if (height, width) != (SIZE, SIZE):
        advice = "its masks and stripes do not survive resizing; give it resolution 64, and no crop"
        raise UsageError(f"{NAME} is drawn at {SIZE}x{SIZE} pixels, not {height}x{width}: {advice}")


def _colours(images: np.ndarray, masks: np.ndarray, direction: str) -> np.ndarray:
    """Levels inside the masks, `(N, 3)`: the plain colours of domain A, the dark ones of domain B.

    Other images are refused.
    """
    check_known("direction", direction, DIRECTIONS)
    for stack, channels in ((images, 3), (masks, 1)):
        check_size(*stack.shape[1:3])
        if stack.shape != (len(images), SIZE, SIZE, channels):
            raise UsageError(
                f"images are {images.shape} and masks {masks.shape}: expected (N, 64, 64, 3) and"
                " (N, 64, 64, 1)"
            )
    levels = quantize(images).numpy().astype(int)
    low = levels.min((1, 2), where=masks > 0, initial=255)
    high = levels.max((1, 2), where=masks > 0, initial=0)
    wrong = (high - low != (0 if direction == "a2b" else CONTRAST)).any(-1)
    if wrong.any():
        kind = "one plain colour" if direction == "a2b" else "stripes"
        advice = f"{direction} starts from domain {direction[0]}"
        raise UsageError(f"image {wrong.argmax()} does not have {kind} inside its mask: {advice}")
    return low


def _families(
    images: np.ndarray, masks: np.ndarray, colours: np.ndarray, direction: str
) -> np.ndarray:
    colours = colours[:, None, None]
    if direction == "a2b":
        inside = np.stack([_striped(colours, phase) for phase in range(PERIOD)], axis=1)
    else:
        inside = colours[:, None] * SHRINK
    return np.where(masks[:, None] > 0, scale(inside), np.float32(images)[:, None])


def _mask(random: np.random.Generator) -> np.ndarray:
    """A shape of any kind, size and place, wholly inside the image, `(64, 64)` bool."""
    while True:
        sides = random.integers(*SIDES, size=2, endpoint=True)
        starts = random.integers(1, SIZE - sides)
        v, u = (
            (np.arange(SIZE) + 0.5 - start) * 2 / side - 1
            for start, side in zip(starts, sides, strict=True)
        )
        u, v = u[None], v[:, None]
        kind = SHAPES[random.choice(list(SHAPES))]
        mask = kind(u, v) & (np.maximum(abs(u), abs(v)) <= 1)
        if AREA[0] <= mask.mean() <= AREA[1]:
            return mask


def _plain_colour(random: np.random.Generator) -> np.ndarray:
    """A saturated colour, three levels that are multiples of 3."""
    colour = colorsys.hsv_to_rgb(
        random.uniform(*HUES), random.uniform(0.7, 1.0), random.uniform(0.8, 1.0)
    )
    return np.round(np.array(colour) * 255 / SHRINK).astype(int) * SHRINK


def _striped(colour: np.ndarray, phase: int) -> np.ndarray:
    """The stripes of a plain colour `(..., 3)` in levels: `(64, 1, 3)`, broadcast with `colour`."""
    light = (np.arange(SIZE)[:, None, None] + phase) % PERIOD >= PERIOD // 2
    return colour // SHRINK + CONTRAST * light


def _ground(random: np.random.Generator) -> np.ndarray:
    """Soft texture, `(64, 64, 3)` levels: coarse clouds, and a finer grain with a tint."""
    clouds = _clouds(random.normal(0, 0.07, (7, 7, 1)))
    grain = _clouds(random.normal(0, 0.03, (14, 14, 3)))
    return np.round(np.clip(GREY + (clouds + grain), 0, 1) * 255)


def _clouds(grid: np.ndarray) -> np.ndarray:
    """A grid `(n, n, C)`, corners on corners, interpolated linearly to `(64, 64, C)`."""
    knots = np.linspace(0, SIZE - 1, len(grid))
    weights = np.stack(
        [np.interp(np.arange(SIZE), knots, row) for row in np.eye(len(grid))], axis=1
    )
    return np.einsum("yn,nmc,xm->yxc", weights, grid, weights, optimize=True)
