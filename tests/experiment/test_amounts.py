"""How times, sizes and counts are said."""

import pytest

from tf_gan_lth.experiment import amounts


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.4, "0 s"),
        (59, "59 s"),
        (59.7, "1 min"),
        (3569, "59 min"),
        (3599, "1 h 00 min"),
        (7500, "2 h 05 min"),
        (360_000, "4 days 04 h"),
    ],
)
def test_times_are_said_as_people_say_them(seconds, said):
    assert amounts.duration(seconds) == said


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (999, "999 B"),
        (999.7, "1 kB"),
        (1000, "1 kB"),
        (67_876, "67.9 kB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (17_100_000, "17.1 MB"),
        (2.5e9, "2.5 GB"),
        (12e15, "12,000 TB"),
    ],
)
def test_sizes_have_three_digits_and_one_kind_of_unit(size, said):
    assert amounts.size(size) == said


@pytest.mark.parametrize(
    ("number", "said"),
    [(0.25, "0.25"), (7, "7"), (408_576, "409k"), (999_600, "1M"), (1_234_567, "1.23M")],
)
def test_counts_are_short(number, said):
    assert amounts.count(number) == said
