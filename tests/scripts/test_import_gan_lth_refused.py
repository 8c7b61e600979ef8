"""What `import_gan_lth.py` refuses or warns of: other networks, and files that are none."""

import itertools
import pathlib

import pytest
from running import ROOT, run

from tf_gan_lth.experiment.errors import ArtifactError, ToolkitWarning, UsageError
from tf_gan_lth.methods.importing import Request, import_round

torch = pytest.importorskip("torch")
from gan_lth_reference import (  # noqa: E402
    OPTIONS,
    Generator,
    Theirs,
)
from torch import nn  # noqa: E402


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    return Theirs(tmp_path_factory.mktemp("theirs"))


def test_another_theta_0_is_refused_or_warned_of(theirs, tmp_path):
    generator_0, discriminator_0 = theirs.initial()
    wider = theirs.save(Generator(width=10).state_dict(), "wider.pth")
    others = theirs.save(Generator().state_dict(), "others.pth")
    for initial, error, message in [
        ((generator_0,), UsageError, "lacks the discriminator: give the files of both"),
        ((generator_0, others, discriminator_0), UsageError, "has the generator twice"),
        (
            (wider, discriminator_0),
            ArtifactError,
            r"generator: dense/kernel is \(128, 160\) there and \(128, 128\) in",
        ),
    ]:
        with pytest.raises(error, match=message):
            import_round(Request(theirs.file, str(tmp_path / "run"), OPTIONS, initial=initial))
    assert not (tmp_path / "run").exists()
    with pytest.warns(
        ToolkitWarning,
        match="generator may not be what the ticket started from: pruned weights of ",
    ):
        import_round(
            Request(theirs.file, str(tmp_path / "run"), OPTIONS, initial=(others, discriminator_0))
        )


class Payload:
    """Pickled as a call that leaves a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return pathlib.Path.touch, (pathlib.Path(self.path),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"epoch": 3, "state": {}, "b": 1, "c": 2},
            (
                "is no checkpoint of GAN-LTH or sngan.pytorch: its first keys are epoch, state, b"
                " and 1 more"
            ),
        ),
        ({0: torch.ones(1)}, "is no checkpoint of GAN-LTH or sngan.pytorch: its first keys are 0$"),
        ([1, 2], "is no checkpoint of GAN-LTH or sngan.pytorch: it holds a list"),
        ({}, "is no checkpoint of GAN-LTH or sngan.pytorch: it holds a dict"),
        ({"gen_state_dict": [1]}, "generator: expected a state dict, found a list"),
        (
            {"gen_state_dict": {"l1.weight": 3}},
            "generator is no state dict: l1.weight hold no tensors",
        ),
        (
            "model",
            (
                r"holds Python objects \(\S+\), which can run code when they are read: save a"
                r" state_dict\(\) instead"
            ),
        ),
        ("payload", r"holds Python objects \(\S+\), which can run code"),
        ("discriminator", "holds no generator"),
        (
            "other",
            (
                "other.pth, generator lacks b5.weight; it has 0.weight, 0.bias, 0.running_mean and"
                " 1 more"
            ),
        ),
        ("shallow", "the networks do not fit each other: the snapshot is of another discriminator"),
    ],
)
def test_what_is_no_checkpoint_is_said(theirs, tmp_path, content, message):
    named = {
        "model": Generator(),
        "payload": {"gen_state_dict": Payload(tmp_path / "touched")},
        "discriminator": theirs.states["dis_state_dict"],
        "other": {"gen_state_dict": nn.Sequential(nn.BatchNorm2d(2)).state_dict()},
        "shallow": {
            **theirs.states,
            "dis_state_dict": {
                name: x
                for name, x in theirs.states["dis_state_dict"].items()
                if not name.startswith("block2.c_sc")
            },
        },
    }
    file = tmp_path / "other.pth"
    torch.save(named.get(content, content) if isinstance(content, str) else content, file)
    with pytest.raises(ArtifactError, match=message) as raised:
        import_round(Request(str(file), str(tmp_path / "run"), OPTIONS))
    assert str(file) in str(raised.value) and "\n" not in str(raised.value)
    assert not (tmp_path / "run").exists() and not (tmp_path / "touched").exists()


def test_damaged_files_are_one_line(theirs, tmp_path):
    for legacy, (number, share) in itertools.product(
        [False, True], enumerate([0.0, 0.1, 0.5, 0.99])
    ):
        whole = pathlib.Path(
            theirs.save(theirs.checkpoint, "whole.pth", _use_new_zipfile_serialization=not legacy)
        ).read_bytes()
        file = tmp_path / f"{legacy}{number}.pth"
        file.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(
            ArtifactError, match=f"{file} is broken, cut off or no file of torch.save$"
        ):
            import_round(Request(str(file), str(tmp_path / "run"), OPTIONS))
    with pytest.raises(UsageError, match="there is no file /none.pth"):
        import_round(Request("/none.pth", str(tmp_path / "run"), OPTIONS))
    for option, guess in [("protocol", "paper"), ("dataset", "cifar10")]:
        with pytest.raises(
            UsageError, match=f"unknown {option} '{guess}s': did you mean '{guess}'"
        ):
            import_round(
                Request(theirs.file, str(tmp_path / "run"), {**OPTIONS, option: guess + "s"})
            )
    result = run(
        "import_gan_lth.py", f"--checkpoint={ROOT / 'README.md'}", f"--run_dir={tmp_path / 'run'}"
    )
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert (
        result.stderr.strip()
        .splitlines()[-1]
        .startswith(f"error: {ROOT / 'README.md'} is broken, cut off or no file")
    )
    assert not (tmp_path / "run").exists()
