"""Names are refused, and told, without TensorFlow; they are those that the registries hold."""

import os
import pathlib
import subprocess
import sys

import pytest
from absl import flags

from tf_gan_lth import data, gans
from tf_gan_lth.cli import (
    command_line,
    evaluate,
    find_ticket,
    help_text,
    main,
    names,
    sources,
    transfer,
)
from tf_gan_lth.data import datasets
from tf_gan_lth.evaluation import feature_networks, protocols
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.methods import method, parent
from tf_gan_lth.methods.branches import BRANCHES
from tf_gan_lth.methods.criteria import CRITERIA
from tf_gan_lth.training import devices
from tf_gan_lth.training.augmentations import AUGMENTATIONS
from tf_gan_lth.training.losses import LOSSES
from tf_gan_lth.training.terms import TERMS
from tf_gan_lth.training.updates import UPDATES

ROOT = pathlib.Path(__file__).parents[2]
SNGAN, CYCLEGAN = names.Chosen("sngan"), names.Chosen("cyclegan")
OWN = names.Chosen("my_gan.py:gan", own=True)
# Refuses a command line, and fails with code 99 if TensorFlow was imported for that.
WITHOUT_TENSORFLOW = """
import sys
from tf_gan_lth.cli import main
try:
    main.main(sys.argv)
except SystemExit as exit:
    sys.exit(99 if "tensorflow" in sys.modules else exit.code)
"""


def of_package(registry):
    """What the package itself registers: other tests add things of their own."""
    return {
        name
        for name, thing in registry.items()
        if getattr(getattr(thing, "function", thing), "__module__", "").startswith("tf_gan_lth.")
    }


@pytest.mark.parametrize(
    ("option", "registry"),
    [
        ("terms", TERMS),
        ("mask_update", UPDATES),
        ("method", method.METHODS),
        ("criterion", CRITERIA),
        ("branches", BRANCHES),
    ],
)
def test_names_are_those_of_the_registry(option, registry):
    accepted = names.OPTIONS[option]
    assert set(accepted.names(SNGAN)) == of_package(registry) and accepted.names(SNGAN)
    assert accepted.kind == registry.kind


def test_other_names_are_those_of_their_modules():
    losses = {name for name in LOSSES if not name.startswith("mine")}
    assert set(names.OPTIONS["loss"].names(SNGAN)) == losses
    assert sources.gans() == gans.registry.known()
    augmentations = names.OPTIONS["augmentation"]
    assert set(augmentations.names(SNGAN)) == {"none", *of_package(AUGMENTATIONS)}
    assert tuple(augmentations.names(CYCLEGAN)) == data.AUGMENTATIONS
    assert set(names.image_sets()) == set(datasets.BUILDERS)
    assert names.domains() == data.known_domains()
    assert set(names.protocols()) == set(protocols.PROTOCOLS)
    assert set(names.FEATURE_NETWORK.names(SNGAN)) == set(feature_networks.NAMES)
    assert names.STRATEGY.names(SNGAN) == devices.STRATEGIES
    assert names.WEIGHTS.names(SNGAN) == parent.WEIGHTS


@pytest.mark.parametrize("name", gans.registry.known())
def test_what_is_usual_for_a_gan_is_read_as_it_is(name):
    spec = gans.find(name)
    usual = sources.usual_of(name)
    assert usual == {field: getattr(spec.usual, field) for field in usual}
    assert {"loss", "steps", "augmentation", "ema_decay"} <= usual.keys()
    assert set(sources.roles_of(name)) == {network.role for network in spec.networks.values()}
    assert names.Chosen(name).task == spec.task


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--gan=sngann"], "unknown GAN 'sngann': did you mean 'sngan'?"),
        (["--gan=SNGAN"], "unknown GAN 'SNGAN': did you mean 'sngan'?"),
        (["--dataset=digit"], "unknown dataset 'digit': did you mean 'digits'?"),
        (["--dataset=foldr:x"], "unknown dataset 'foldr:x': did you mean 'folder:PATH'?"),
        (["--gan=cyclegan", "--dataset=shapes2stripe"], "did you mean 'shapes2stripes'?"),
        (
            ["--gan=cyclegan", "--dataset=cycle_gan/horse2zebr"],
            "did you mean 'cycle_gan/horse2zebra'?",
        ),
        (["--loss=hing"], "unknown loss 'hing': did you mean 'hinge'?"),
        (["--branches=random_mask,snipp"], "unknown branch 'snipp': did you mean 'snip'?"),
        (["--branch=random_maks"], "unknown branch 'random_maks': did you mean 'random_mask'?"),
        (["--protocol=papr"], "unknown protocol 'papr': did you mean 'paper'?"),
        (["--method=inp"], "unknown method 'inp': did you mean 'imp'?"),
        (["--criterion=magnitud"], "unknown criterion 'magnitud': did you mean 'magnitude'?"),
        (["--terms=r2:1"], "unknown loss term 'r2': did you mean 'r1'?"),
        (["--augmentation=color,cutuot"], "unknown augmentation 'cutuot': did you mean 'cutout'?"),
        (["--mask_update=statik"], "unknown mask update 'statik': did you mean 'static'?"),
        (["--prune=genrator"], "unknown role 'genrator': did you mean 'generator'?"),
        (["--feature_network=inceptoin"], "did you mean 'inception'?"),
        (["--strategy=miror"], "unknown strategy 'miror': did you mean 'mirrored'?"),
        (["--precision=float23"], "unknown value of --precision 'float23'"),
        (["--run_dir=~nobodyhere/x"], "--run_dir=~nobodyhere: there is no user 'nobodyhere'"),
        (["--data_dir=~nobodyhere"], "--data_dir=~nobodyhere: there is no user 'nobodyhere'"),
        (["--dataset=folder:~nobodyhere/x"], "there is no user 'nobodyhere'"),
        (["--plugins=~nobodyhere/x.py"], "there is no user 'nobodyhere'"),
        (["--flagfile=~nobodyhere/x"], "there is no user 'nobodyhere'"),
        (["--blocks=3"], "--blocks=3 is no option of sngan: leave it out"),
        (["--width=0"], "--width=0 is out of range: it must be at least 1"),
    ],
)
def test_what_is_misspelt_is_refused_without_tensorflow(arguments, message, tmp_path):
    command = [sys.executable, "-c", WITHOUT_TENSORFLOW, "find_ticket", "--run_dir=run"]
    result = subprocess.run(
        [*command, *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
    )
    assert result.returncode == 2, result.stderr
    [line] = result.stderr.splitlines()
    assert line.startswith("error: ") and message in line
    assert not list(tmp_path.iterdir())


def parsed(command, *arguments):
    values = flags.FlagValues()
    command.define(values)
    command_line._parse(["command", *arguments], values, "")
    return values


def test_what_is_no_misspelling_passes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pathlib.Path("my_gan.py").write_text("")
    for arguments in [
        ["--gan=my_gan.py:gan", "--loss=mine", "--dataset=cycle_gan/maps", "--branches=mine"],
        ["--gan=package.module:gan", "--dataset=npz:x.npz", "--prune=mapping"],
        ["--plugins=my_gan.py", "--loss=mine", "--terms=mine:1", "--method=mine"],
        ["--gan=cyclegan", "--dataset=cycle_gan/horse2zebra", "--augmentation=flip"],
        ["--dataset=folder:pictures", "--feature_network=networks/mine", "--branches="],
        ["--feature_network=https://tfhub.dev/x", "--terms=r1:10", "--augmentation=none"],
    ]:
        parsed(find_ticket, "--run_dir=run", *arguments)
    for reference in ("digits", "folder:x", "stats.npz", "stats.NPZ", "npz:x.npz"):
        parsed(evaluate, "--images=folder:x", f"--reference={reference}")


def test_a_reference_is_refused_with_what_it_may_be(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pathlib.Path("stats.npy").write_bytes(b"")
    pathlib.Path("pictures").mkdir()
    for reference, message in {
        "stats.npy": r"^unknown reference 'stats.npy'.* Known: FILE.npz, cifar10, .*folder:PATH",
        "digit": "^unknown reference 'digit': did you mean 'digits'",
        "pictures": "^'pictures' is a folder: write folder:pictures$",
    }.items():
        with pytest.raises(UsageError, match=message):
            parsed(evaluate, "--images=folder:x", f"--reference={reference}")
    with pytest.raises(UsageError, match="unknown value of --weights 'frsh': did you mean 'fresh'"):
        parsed(transfer, "--ticket=x", "--run_dir=run", "--weights=frsh")


def help_of(*arguments):
    values = flags.FlagValues()
    find_ticket.define(values)
    return help_text.help_text("", values, command_line._chosen(arguments, values))


def test_help_says_what_is_taken_and_what_unset_means_for_the_gan():
    sngan = help_of()
    cyclegan = help_of("--gan=cyclegan")
    assert "--steps  (default: unset, which is 50000 for sngan)" in sngan
    assert "--steps  (default: unset, which is 266800 for cyclegan)" in cyclegan
    assert "--loss  (default: unset, which is least_squares for cyclegan)" in cyclegan
    assert "--ema_decay  (not for cyclegan)" in cyclegan and "--blocks  (not for sngan)" in sngan
    assert "--width  (default: unset, which is 64 for cyclegan)" in cyclegan
    assert "Takes: cifar10, digits, stl10, folder:PATH, npz:PATH" in sngan
    assert "cycle_gan/horse2zebra" in cyclegan and "cycle_gan/horse2zebra" not in sngan
    assert "Takes: hinge, least_squares, non_saturating, wasserstein" in sngan
    assert "Takes: float32, mixed_bfloat16, mixed_float16" in sngan
    assert "Takes: from 0.0 to 0.999" in sngan and "Takes: --rewind or --norewind" in sngan
    assert max(map(len, sngan.splitlines())) <= 100


def test_help_says_what_unset_means_for_a_gan_of_ones_own(tmp_path):
    path = tmp_path / "my_gan.py"
    path.write_text(
        "import tf_gan_lth as lth\n"
        "raise SystemExit('run')\n"
        "gan = lth.GAN(g(), d(), 'wasserstein', steps=3 * 1000, ema_decay=DECAY)\n"
        "def made():\n    return lth.GAN(g(), d(), loss='least_squares')\n"
        "other = build()\n"
    )
    text = help_of(f"--gan={path}:gan")
    assert f"--steps  (default: unset, which is 3000 for {path}:gan)" in text
    assert f"--loss  (default: unset, which is wasserstein for {path}:gan)" in text
    assert f"--ema_decay  (default: unset, which is what its file says for {path}:gan)" in text
    assert f"--generator_batch_size  (default: unset, which is 64 for {path}:gan)" in text
    assert "which is least_squares" in help_of(f"--gan={path}:made")
    assert "--steps  (default: unset)" in help_of(f"--gan={path}:other")
    assert "--steps  (default: unset)" in help_of("--gan=package.module:gan")


@pytest.mark.parametrize("name", main.COMMANDS)
def test_every_command_tells_its_version(name, capsys):
    values = flags.FlagValues()
    main.find(name).define(values)
    with pytest.raises(SystemExit) as exit:
        command_line._parse(["command", "--version"], values, "")
    assert not exit.value.code and capsys.readouterr().out.startswith("tf-gan-lth ")


def test_a_known_name_is_no_path_though_a_folder_is_called_so(tmp_path, monkeypatch):
    (tmp_path / "digits").mkdir()
    (tmp_path / "pictures").mkdir()
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "a.NPZ").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for accepted in (names.DATASET, names.REFERENCE):
        accepted.check("digits", SNGAN)
        with pytest.raises(UsageError, match="'pictures' is a folder: write folder:pictures"):
            accepted.check("pictures", SNGAN)
    with pytest.raises(UsageError, match="is an .npz file: write npz:~/a.NPZ"):
        names.DATASET.check("~/a.NPZ", SNGAN)
    with pytest.raises(UsageError, match="is an .npz file: write npz:~/a.NPZ"):
        data.load("~/a.NPZ", "train", 8)
