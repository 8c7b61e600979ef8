"""Plain and striped shapes: what is drawn, and that the true translations are known."""

import numpy as np
import pytest

from tf_gan_lth import data
from tf_gan_lth.data import shapes2stripes
from tf_gan_lth.data.shapes2stripes import PERIOD, SIZE, counterparts, distances
from tf_gan_lth.experiment import digests
from tf_gan_lth.experiment.errors import EvaluationError, UsageError

COUNT = 24
THIRD, TOLERANCE = 1 / 3, 0.02  # shapes rarely cover as many dark as light pixels


def drawn(domain, count=COUNT):
    """Images in [-1, 1] and masks, as `load_domains` and `scale` give them."""
    images, masks = zip(
        *(shapes2stripes.draw("train", domain, number) for number in range(count)), strict=True
    )
    return data.scale(np.stack(images)).numpy(), np.uint8(np.stack(masks))[..., None] * 255


@pytest.fixture(scope="module")
def plain():
    return drawn("A")


@pytest.fixture(scope="module")
def striped():
    return drawn("B")


def test_a_plain_shape_has_one_colour_that_is_nowhere_else():
    for number in range(COUNT):
        image, mask = shapes2stripes.draw("train", "A", number)
        colour = image[mask][0]
        np.testing.assert_array_equal((image == colour).all(-1), mask)
        # Saturated on muted.
        assert np.ptp(colour) > 120
        assert np.ptp(image[~mask].astype(int), axis=-1).mean() < 40
        assert colour[0] >= colour[1] >= colour[2]  # red to yellow
        # Instance norms hardly keep an average that differs.
        assert abs(image[~mask].mean() - 127.5) < 10


def phases(image, mask):
    """Phases that the stripes of an image may have: four rows of one colour, four of another."""
    rows = np.flatnonzero(mask.any(1))
    colours = np.stack([image[y][mask[y]][0] for y in rows]).astype(int)
    dark = colours.min(0)
    light = colours.max(0)
    bands = [(rows[:, None] + phase) % PERIOD < PERIOD // 2 for phase in range(PERIOD)]
    return [
        phase
        for phase, band in enumerate(bands)
        if np.array_equal(colours, np.where(band, dark, light))
    ]


def test_stripes_are_bands_of_four_rows_in_two_colours_that_give_the_plain_one():
    for number in range(COUNT):
        image, mask = shapes2stripes.draw("train", "B", number)
        assert all(
            np.ptp(image[y][mask[y]], axis=0).max() == 0 for y in np.flatnonzero(mask.any(1))
        )
        assert len(phases(image, mask)) == 1
        dark, light = np.unique(image[mask], axis=0).astype(int)
        assert (light - dark == 170).all() and (dark * 3 <= 255).all() and np.ptp(dark * 3) > 120


def test_phases_and_areas_are_everywhere_in_their_range():
    draws = [shapes2stripes.draw("test", "B", number) for number in range(160)]
    assert np.bincount([phases(*drawn)[0] for drawn in draws], minlength=PERIOD).min() >= 8
    areas = [mask.mean() for _, mask in draws]
    assert 0.15 <= min(areas) < 0.18 and 0.40 < max(areas) <= 0.45


def test_domains_are_unpaired(plain, striped):
    """Neither grounds nor shapes of one domain come again in the other, whatever the number."""
    for image, mask in zip(*plain, strict=True):
        shared = (mask == 0) & (striped[1] == 0)
        difference = (
            abs(striped[0] - image).sum((1, 2, 3), where=shared) / shared.sum((1, 2, 3)) / 3
        )
        assert difference.min() > 0.05
        assert (striped[1] != mask).mean((1, 2, 3)).min() > 0.01


def test_pixels_never_change():
    """Scores of finished runs depend on them: another drawing is another version of the data."""
    images = [
        shapes2stripes.draw(split, domain, n)[0]
        for split in ("train", "test")
        for domain in "AB"
        for n in range(4)
    ]
    assert digests.short(np.stack(images)) == "52be02bee73ac0af"
    assert shapes2stripes.Shapes2Stripes.VERSION == "2.0.0"


def test_the_family_of_a_plain_image_is_its_eight_phases(plain):
    family = counterparts(*plain, "a2b")
    assert family.shape == (COUNT, 8, SIZE, SIZE, 3) and family.dtype == np.float32
    assert len(np.unique(family[0].reshape(8, -1), axis=0)) == 8
    for phase in range(PERIOD):
        for l1 in distances(plain[0], family[:, phase], plain[1], "a2b"):
            assert l1.shape == (COUNT,) and l1.dtype == np.float64 and not l1.any()


def test_translating_there_and_back_is_exact(plain, striped):
    for phase in (0, 5):
        there = counterparts(*plain, "a2b")[:, phase]
        np.testing.assert_array_equal(counterparts(there, plain[1], "b2a")[:, 0], plain[0])
    back = counterparts(*striped, "b2a")
    assert back.shape == (COUNT, 1, SIZE, SIZE, 3)
    again = counterparts(back[:, 0], striped[1], "a2b")
    # One of its phases is what it started from.
    assert not abs(again - striped[0][:, None]).max((2, 3, 4)).min(1).any()
    assert not distances(striped[0], back[:, 0], striped[1], "b2a")[0].any()


def test_a_flip_translates_as_its_image_does(plain, striped):
    for (images, masks), direction in ((plain, "a2b"), (striped, "b2a")):
        flipped = counterparts(images[:, :, ::-1], masks[:, :, ::-1], direction)
        np.testing.assert_array_equal(flipped, counterparts(images, masks, direction)[..., ::-1, :])


def test_changing_nothing_is_a_third_away(plain, striped):
    for (images, masks), direction in ((plain, "a2b"), (striped, "b2a")):
        inside, outside = distances(images, images, masks, direction)
        np.testing.assert_allclose(inside, THIRD, atol=TOLERANCE)
        assert not outside.any()


def test_what_is_between_two_phases_is_in_neither(plain):
    family = counterparts(*plain, "a2b")
    inside, _ = distances(plain[0], (family[:, 2] + family[:, 3]) / 2, plain[1], "a2b")
    # A quarter of the rows differ by 2/3, halved.
    np.testing.assert_allclose(inside, 1 / 12, atol=TOLERANCE)


def test_other_stripes_are_no_translation(plain):
    images, masks = plain
    family = counterparts(images, masks, "a2b")
    upright = np.where((np.arange(SIZE) % PERIOD < 4)[:, None], family.min(1), family.max(1))
    np.testing.assert_allclose(distances(images, upright, masks, "a2b")[0], THIRD, atol=0.05)
    other_colour = np.roll(family[:, 0], 1, axis=-1)
    outputs = np.where(masks > 0, other_colour, images)
    assert distances(images, outputs, masks, "a2b")[0].min() > 0.05


def test_the_ground_counts_outside_only(plain):
    images, masks = plain
    outputs = counterparts(images, masks, "a2b")[:, 4] + np.where(masks > 0, 0, np.float32(0.1))
    inside, outside = distances(images, outputs, masks, "a2b")
    assert not inside.any()
    np.testing.assert_allclose(outside, 0.05, rtol=1e-5)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda images, masks: (images[:, ::2, ::2], masks, "a2b"),
            "drawn at 64x64 pixels, not 32x32: .* give it resolution 64",
        ),
        (
            lambda images, masks: (images, masks[:, ::2, ::2], "a2b"),
            "drawn at 64x64 pixels, not 32x32",
        ),
        (
            lambda images, masks: (images[..., :1], masks, "a2b"),
            r"images are \(24, 64, 64, 1\) and masks .*: expected \(N, 64, 64, 3",
        ),
        (
            lambda images, masks: (images, masks[1:], "a2b"),
            r"and masks \(23, 64, 64, 1\): expected",
        ),
        (
            lambda images, masks: (images, masks, "b2a"),
            "image 0 does not have stripes inside its mask: b2a starts from domain b",
        ),
        (
            lambda images, masks: (images, 255 - masks, "a2b"),
            "image 0 does not have one plain colour .* starts from domain a",
        ),
        (
            lambda images, masks: (images, masks * 0, "a2b"),
            "image 0 does not have one plain colour",
        ),
        (
            lambda images, masks: (images, masks, "a2c"),
            "unknown direction 'a2c': did you mean 'a2b'",
        ),
    ],
)
def test_what_is_not_of_the_data_set_is_refused(plain, spoil, message):
    with pytest.raises(UsageError, match=message) as caught:
        counterparts(*spoil(*plain))
    assert "\n" not in str(caught.value)


def test_what_does_not_fit_is_refused_before_it_is_measured(plain, striped):
    images, masks = plain
    with pytest.raises(
        UsageError,
        match=r"inputs are \(24, 64, 64, 3\) and outputs \(23, 64, 64, 3\): expected one shape",
    ):
        distances(images, images[1:], masks, "a2b")
    mixed = np.concatenate([images[:3], striped[0][3:]])
    with pytest.raises(UsageError, match="image 3 does not have one plain colour"):
        distances(mixed, mixed, np.concatenate([masks[:3], striped[1][3:]]), "a2b")
    with pytest.raises(EvaluationError, match="a2b hold values that are not finite"):
        distances(images, images * np.float32(np.nan), masks, "a2b")
