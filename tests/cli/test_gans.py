"""`tf-gan-lth gans`: what the networks of each GAN take."""

import json
import pathlib
import subprocess
import sys

import pytest
from absl import flags

from tf_gan_lth.cli import gans as command
from tf_gan_lth.experiment.errors import UsageError


def listed(capsys, *arguments, words=()):
    values = flags.FlagValues()
    command.define(values)
    values(["gans", *arguments])
    values["gans"].value = list(words)
    command.main(values)
    return capsys.readouterr().out


def test_parameters_and_macs_of_a_gan_are_counted(capsys):
    found = json.loads(listed(capsys, "--format=json", words=["sngan", "dcgan"]))
    parameters = {(row["gan"], row["network"]): row["parameters"] for row in found}
    assert parameters == {
        ("sngan", "generator"): 4_276_739,
        ("sngan", "discriminator"): 1_053_824,
        ("sngan --conditional", "generator"): 4_304_387,
        ("sngan --conditional", "discriminator"): 1_055_105,
        ("dcgan", "generator"): 3_812_355,
        ("dcgan", "discriminator"): 2_931_009,
    }
    assert found[-1]["macs"] == 108_724_736 and "Radford" in found[-1]["source"]


def test_a_table_has_a_line_a_network_and_says_what_does_not_fit(capsys):
    lines = listed(capsys, "--resolution=8", words=["dcgan", "sagan"]).splitlines()
    assert [line.split()[:2] for line in lines[1:3]] == [
        ["dcgan", "generator"],
        ["dcgan", "discriminator"],
    ]
    assert "--resolution=8 does not fit sagan" in lines[3] and len(lines) == 4


def test_what_was_counted_is_listed_at_once_and_what_is_broken_is_counted_again(
    capsys, monkeypatch, tmp_path
):
    monkeypatch.setenv("TF_GAN_LTH_CACHE", str(tmp_path))
    first = listed(capsys, "--resolution=16", words=["dcgan"])
    code = (
        "import sys; from tf_gan_lth.cli.main import main;"
        " main(['tf-gan-lth', 'gans', 'dcgan', '--resolution=16']);"
        " assert 'tensorflow' not in sys.modules"
    )
    again = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert again.stdout == first
    [kept] = (tmp_path / "networks").iterdir()
    for content in (b"{", b"[]", kept.read_bytes()[:-20]):
        kept.write_bytes(content)
        assert listed(capsys, "--resolution=16", words=["dcgan"]) == first
    other = listed(capsys, "--resolution=32", words=["dcgan"])
    assert other != first and len(list((tmp_path / "networks").iterdir())) == 2
    monkeypatch.setattr(command, "PACKAGE", pathlib.Path(command.__file__).parent)  # other sources
    assert listed(capsys, "--resolution=16", words=["dcgan"]) == first
    assert len(list((tmp_path / "networks").iterdir())) == 3


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--format=csv", "unknown --format 'csv'"),
        ("--resolution=0", "--resolution=0 is out of range: it must be at least 1"),
        ("--classes=1", "--classes=1 is out of range: it must be at least 2"),
        ("--channels=2", "--channels=2 is neither 1, grey, nor 3, RGB"),
    ],
)
def test_wrong_flags_are_refused(argument, message):
    values = flags.FlagValues()
    command.define(values)
    values(["gans", argument])
    with pytest.raises(UsageError, match=message):
        command.main(values)
