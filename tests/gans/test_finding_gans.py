"""GANs by name: those of the package, and a user's own."""

import dataclasses
import sys

import pytest
import tensorflow as tf

from tf_gan_lth import gans
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment import plugins
from tf_gan_lth.experiment.errors import UsageError

FILE = """
import dataclasses
from tf_gan_lth import gans
mine = dataclasses.replace(gans.find("sngan"), name="inside")
def make():
    return mine
def broken():
    raise RuntimeError("no such luck")
number = 3
"""


@pytest.fixture
def file(tmp_path):
    (tmp_path / "my_gan.py").write_text(FILE)
    yield tmp_path / "my_gan.py"
    plugins.forget()


def test_the_gans_of_the_package_are_its_files():
    residual = ("projgan", "sagan", "sngan", "wgan_gp")
    assert gans.known() == ("acgan", "biggan", "cyclegan", "dcgan", "ggan", *residual)
    assert gans.find("cyclegan").generators == ("generator_a2b", "generator_b2a")


def test_one_of_a_file_has_the_name_that_the_command_gives_it(file):
    for attribute in ("mine", "make"):
        text = f"{file}:{attribute}"
        found = gans.find(text)
        assert found.name == text and found.options is gans.find("sngan").options


def test_one_of_a_package_is_found(file, monkeypatch):
    monkeypatch.syspath_prepend(file.parent)
    assert gans.find("my_gan:mine").name == "my_gan:mine"
    sys.modules.pop("my_gan")


def test_one_that_was_built_in_python_is_remembered():
    spec = gans.find("sngan")
    with pytest.raises(UsageError, match="'sngan' is the name of a GAN of this package"):
        gans.remember(spec)


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        ("other", "my_gan.py has no 'other': it has .*mine.*make"),
        ("number", "my_gan.py:number is a int: expected what tf_gan_lth.GAN"),
        ("broken", "my_gan.py:broken: RuntimeError: no such luck"),
    ],
)
def test_a_name_that_is_none_in_a_file_is_refused(file, attribute, message):
    with pytest.raises(UsageError, match=message):
        gans.find(f"{file}:{attribute}")


def test_a_file_that_fails_is_named_with_its_line(tmp_path):
    (tmp_path / "wrong.py").write_text("from tf_gan_lth import gans\n\ngan = gans.GANSpec()\n")
    with pytest.raises(UsageError, match=r"wrong.py, line 3: TypeError: .* missing") as raised:
        gans.find(f"{tmp_path / 'wrong.py'}:gan")
    assert "\n" not in str(raised.value)


def test_a_module_that_fails_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "failing_gan.py").write_text("raise RuntimeError('no such luck')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match="--gan=failing_gan:gan: RuntimeError: no such luck"):
        gans.find("failing_gan:gan")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sgan", "unknown GAN 'sgan': did you mean 'sngan'"),
        ("/nowhere/my_gan.py:gan", "--gan=/nowhere/my_gan.py: there is no such file"),
        ("nowhere.at.all:gan", "--gan=nowhere.at.all:gan: No module named 'nowhere'"),
        (":", "--gan=:: ValueError: Empty module name"),
        (".mine:gan", "--gan=.mine:gan: TypeError: .* relative import"),
    ],
)
def test_others_are_refused(name, message):
    with pytest.raises(UsageError, match=message):
        gans.find(name)


def test_a_network_needs_a_role_and_a_role_a_network():
    spec = gans.find("sngan")
    config = configs.from_options({"width": 4})
    for change, message in [
        (lambda n: {**n, "mapping": n["generator"]}, "'mapping' of sngan has no role"),
        (lambda n: {"generator": n["generator"]}, "'discriminator' of sngan has a role, but no"),
    ]:
        build = lambda *args, change=change: change(spec.build(*args))  # noqa: E731
        changed = dataclasses.replace(spec, build=build)
        with pytest.raises(UsageError, match=message):
            gans.build(changed, config, gans.ImageShape(8, 1), seed=0)


def test_a_role_of_ones_own_needs_a_player():
    with pytest.raises(UsageError, match="role 'mapping' needs player='generator' or"):
        gans.Network("mapping")
    network = gans.Network("mapping", player="generator")
    spec = dataclasses.replace(
        gans.find("sngan"), networks={**gans.find("sngan").networks, "mapping": network}
    )
    assert spec.of_player("generator") == ("generator", "mapping")
    assert spec.of_role("generator") == ("generator",)


def test_options_out_of_range_are_refused():
    spec = gans.find("cyclegan")
    for options, message in [
        ({"blocks": 0}, "--blocks=0 is out of range: it must be at least 1"),
        ({"width": "wide"}, "--width=wide is not understood: expected int"),
        ({"cycle_weight": float("nan")}, "--cycle_weight=nan is not a finite number"),
    ]:
        with pytest.raises(UsageError, match=message):
            gans.options_of(spec, configs.from_options({"gan": "cyclegan", **options}))
    assert gans.options_of(spec, configs.from_options({"blocks": 3})).blocks == 3


def test_a_prior_draws_what_its_seed_says():
    prior = gans.Prior(16, classes=10)
    seed = tf.constant([1, 2])
    latents, labels = prior.draw(1000, seed)
    again = prior.draw(1000, seed)
    assert (latents == again[0]).numpy().all() and (labels == again[1]).numpy().all()
    counts = tf.math.bincount(labels, minlength=10).numpy()
    assert labels.dtype == tf.int32 and counts.min() > 60 and counts.max() < 145
    given = tf.range(1000) % 3
    drawn = prior.draw(1000, seed, given)
    assert (drawn[1] == given).numpy().all() and (drawn[0] == latents).numpy().all()
    assert len(gans.Prior(16).draw(5, seed)) == 1
    assert (gans.Prior(16).draw(5, seed)[0] == prior.draw(5, seed)[0]).numpy().all()
