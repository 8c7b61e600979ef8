"""Protocols are names for all that changes a score."""

import dataclasses

import pytest

from tf_gan_lth.evaluation import protocols
from tf_gan_lth.experiment.errors import UsageError


def test_the_papers_protocol_is_the_papers():
    paper = protocols.get("paper")
    assert (paper.feature_network, paper.reference_split, paper.num_images, paper.ema) == (
        "inception",
        "train",
        50_000,
        True,
    )
    assert protocols.get("test_split") == dataclasses.replace(
        paper, name="test_split", reference_split="test"
    )
    assert protocols.get("cyclegan").num_images is None and not protocols.get("cyclegan").ema


def test_each_is_known_by_its_own_name_and_an_unknown_one_is_answered():
    assert {"paper", "test_split", "quick", "digits", "cyclegan"} == protocols.PROTOCOLS.keys()
    assert all(protocol.name == name for name, protocol in protocols.PROTOCOLS.items())
    with pytest.raises(UsageError, match="unknown protocol 'papre': did you mean 'paper'"):
        protocols.get("papre")


def test_what_a_name_means_does_not_change():
    """Scores that were made under a name are compared with those of today: give another way of
    scoring another name.
    """
    common = ("bilinear_tf1", 10, 1000)
    rest = (10_000, 5, "none", None, "uniform")
    assert {
        name: dataclasses.astuple(protocol)[1:] for name, protocol in protocols.PROTOCOLS.items()
    } == {
        "paper": ("inception", "train", 50_000, True, *common, *rest),
        "test_split": ("inception", "test", 50_000, True, *common, *rest),
        "quick": ("inception", "train", 5000, True, *common, *rest),
        "digits": ("digits", "train", 5000, True, *common, *rest),
        "cyclegan": ("inception", "train", None, False, *common, *rest),
    }


def test_a_changed_protocol_says_so_in_its_name_in_a_fixed_order_and_an_unchanged_one_is_itself():
    quick = protocols.get("quick")
    assert quick.but(num_images=None, feature_network="inception") == quick
    assert quick.but(labels="uniform") == quick
    assert quick.but(labels="data").name == "quick+labels=data"
    changed = quick.but(num_images=100).but(feature_network="/data/my,network/")
    assert changed.name == "quick+feature_network=my_network+num_images=100"
    assert changed.num_images == 100 and changed.feature_network == "/data/my,network/"
    assert changed == quick.but(feature_network="/data/my,network/").but(num_images=100)
    assert changed.but(num_images=5000, feature_network="inception") == quick
    assert (
        quick.but(feature_network="https://a.b/c/1").name == "quick+feature_network=https:_a.b_c_1"
    )
