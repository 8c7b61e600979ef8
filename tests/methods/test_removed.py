"""What was removed, broken or renamed in a run: made again as it was, with a word, or refused."""

import json
import shutil

import pytest
from helpers import run_lottery

from tf_gan_lth.experiment import paths
from tf_gan_lth.experiment.artifacts import PLACE, Record
from tf_gan_lth.experiment.errors import RunFolderError, ToolkitWarning
from tf_gan_lth.experiment.run_folder import RunFolder


@pytest.fixture
def copied(finished, tmp_path):
    shutil.copytree(finished.run.path, tmp_path / "run")
    return RunFolder(tmp_path / "run")


def forget_places(run):
    """Makes of a run's folder what an earlier version wrote."""
    for path in run.path.rglob("*.json"):
        if path.parent.name != "assets.extra":
            stored = json.loads(path.read_text())
            left = {n: v for n, v in stored.items() if n not in (PLACE, "sha256", "id")}
            Record(path).put(left)


@pytest.mark.parametrize(
    ("removed", "done"),
    [
        (("weights",), "trained"),
        (("masks",), "made"),
        (("weights", "samples.png"), "trained"),
        (("sparsity.json",), "made"),
    ],
)
def test_what_was_removed_is_made_again_with_a_word(tiny_options, finished, copied, removed, done):
    folder = copied.replicate(0).round(2)
    for name in removed:
        paths.remove(folder.path / name)
    with pytest.warns(ToolkitWarning, match=f"round_02/{removed[0]} is missing: it is {done}"):
        run_lottery(tiny_options, copied.path)
    for path in sorted(finished.replicate.round(2).path.rglob("*")):
        if path.name in ("generator.npz", "generator_ema.npz", "samples.png", "sparsity.json"):
            twin = folder.path / path.relative_to(finished.replicate.round(2).path)
            assert twin.read_bytes() == path.read_bytes()


def test_theta_0_that_was_removed_is_drawn_again_with_a_word(tiny_options, finished, copied):
    paths.remove(copied.replicate(0).initial.path)
    with pytest.warns(ToolkitWarning, match="initial is missing: it is made again"):
        run_lottery(tiny_options, copied.path)
    assert copied.replicate(0).initial.checksums() == finished.replicate.initial.checksums()


def test_a_run_that_is_whole_says_nothing(tiny_options, copied, recwarn):
    run_lottery(tiny_options, copied.path)
    forget_places(copied)
    run_lottery(tiny_options, copied.path)
    assert [w for w in recwarn if issubclass(w.category, ToolkitWarning)] == []


def test_a_broken_picture_of_samples_is_drawn_again(tiny_options, finished, copied):
    samples = copied.replicate(0).round(1).samples
    samples.path.write_bytes(samples.path.read_bytes()[:100])
    with pytest.warns(ToolkitWarning, match="samples.png is broken"):
        run_lottery(tiny_options, copied.path)
    assert samples.get() == finished.replicate.round(1).samples.get()


def test_a_renamed_replicate_of_an_earlier_version_is_refused(tiny_options, copied):
    forget_places(copied)
    copied.replicate(0).path.rename(copied.path / "replicate_1")
    with pytest.raises(RunFolderError, match="replicate_1 begins with the weights of replicate 0"):
        run_lottery({**tiny_options, "replicates": 2, "rounds": 0}, copied.path)


def test_theta_0_of_another_seed_in_a_folder_of_an_earlier_version_is_told(
    tiny_options, copied, tmp_path
):
    other = run_lottery({**tiny_options, "rounds": 0, "seed": 5}, tmp_path / "other").run
    shutil.rmtree(copied.replicate(0).initial.path)
    shutil.copytree(other.replicate(0).initial.path, copied.replicate(0).initial.path)
    forget_places(copied)
    with pytest.warns(ToolkitWarning, match="initial is not what --seed=0 gives replicate 0"):
        run_lottery(tiny_options, copied.path)
