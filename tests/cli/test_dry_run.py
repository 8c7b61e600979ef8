"""`--dry_run` says what a run does, and does nothing of it."""

import pathlib
import re

import pytest

from tf_gan_lth.cli import dry_run, flag_files
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.errors import RunFolderError, UsageError
from tf_gan_lth.training import devices


@pytest.fixture(scope="module")
def strategy():
    return devices.use("one_device").strategy


def test_a_new_run_is_told_and_not_begun(tiny_options, strategy, tmp_path):
    run = tmp_path / "run"
    config = configs.from_options({**tiny_options, "replicates": 2, "rewind_step": 1})
    text = dry_run.describe(config, str(run), strategy)
    assert not run.exists()
    # Of a replicate: the warm-up, four rounds and the two controls of round 2.
    assert "Trainings, 14:" in text and "the same in 1 more replicate\n" in text
    shares = re.findall(r"replicate 0, round \d, main +1 steps +([\d.]+)%", text)
    assert [float(share) for share in shares] == pytest.approx([100, 80, 64, 51.2], abs=0.2)
    assert re.search(r"round 2, random_init +2 steps", text)
    assert re.search(r"generator +[\d,]+ parameters, [\d,]+ prunable weights; [\d,]+ MACs", text)
    assert re.search(r"Time: about \d+ s for the 16 steps of 14 trainings", text)
    assert re.search(r"Disk: at most about [\d.]+ [kM]B", text)


def test_a_part_of_a_run_is_told_alone(tiny_options, strategy, tmp_path):
    config = configs.from_options({**tiny_options, "replicates": 2, "rewind_step": 1})
    run = str(tmp_path / "run")
    text = dry_run.describe(config, run, strategy, 1, "main")
    assert "Trainings, 5:" in text and "replicate 1, warm-up" in text
    assert "replicate 0" not in text and "more replicate" not in text
    text = dry_run.describe(config, run, strategy, None, "random_mask")
    assert "Trainings, 2:" in text and "replicate 0, round 2, random_mask" in text
    assert "main" not in text and "warm-up" not in text and "in 1 more replicate\n" in text
    with pytest.raises(UsageError, match="--replicate=2 is none of --replicates=2"):
        dry_run.describe(config, run, strategy, 2)
    with pytest.raises(UsageError, match="--branch=snip is in no round"):
        dry_run.describe(config, run, strategy, None, "snip")


def test_a_folder_that_the_run_would_refuse_is_refused(
    finished, tiny_options, tiny_config, strategy, tmp_path
):
    other = configs.from_options({**tiny_options, "seed": 5})
    with pytest.raises(RunFolderError, match="holds another experiment: --seed is 0 there and 5"):
        dry_run.describe(other, str(finished.run.path), strategy)
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(RunFolderError, match="is neither empty nor a run"):
        dry_run.describe(tiny_config, str(tmp_path), strategy)


def test_channels_and_macs_are_called_so(tiny_options, strategy, tmp_path):
    config = configs.from_options({**tiny_options, "unit": "channel", "budget": "macs"})
    text = dry_run.describe(config, str(tmp_path / "run"), strategy)
    assert re.search(r"round 3, main +2 steps +51.20% of MACs", text)
    assert re.search(r"generator +[\d,]+ parameters, \d+ prunable channels;", text)


def test_of_a_method_that_decides_as_it_goes_neither_time_nor_disk_is_promised(
    tiny_options, strategy, tmp_path
):
    options = {**tiny_options, "unit": "channel", "budget": "macs", "budgets": (0.5,), "rounds": 1}
    options |= {"method": "finetuning", "branches": (), "discriminator_start": "dense", "steps": 20}
    text = dry_run.describe(configs.from_options(options), str(tmp_path / "run"), strategy)
    assert "Trainings: Finetuning decides about them as it goes." in text
    assert re.search(r"\nTime: [\d.]+ s a step of the dense GAN here and now;", text)
    assert re.search(r"\nDisk: weights and masks, [\d.]+ [kM]B a training, and initial weigh", text)
    assert "0 trainings" not in text and "at most" not in text


def test_what_it_resolves_is_the_same_config(tiny_options, tiny_config, strategy, tmp_path):
    text = dry_run.describe(tiny_config, str(tmp_path / "run"), strategy)
    told = text.partition("Config, as it is resolved:\n")[2].partition("\n\n")[0]
    assert "--loss=hinge" in told and "--discriminator_width=" not in told
    (tmp_path / "told.flags").write_text(told)
    lines = flag_files.expand([f"--flagfile={tmp_path / 'told.flags'}"])
    assert f"--data_dir={tiny_options['data_dir']}" in lines and "--rewind" in lines


def test_what_a_run_has_already_is_finished(finished, tiny_config, strategy):
    before = {path: path.stat().st_mtime_ns for path in pathlib.Path(finished.run.path).rglob("*")}
    text = dry_run.describe(tiny_config, str(finished.run.path), strategy)
    after = {path: path.stat().st_mtime_ns for path in pathlib.Path(finished.run.path).rglob("*")}
    assert before == after
    assert "Trainings, 6, of which 6 are finished:" in text
    assert "for the 0 steps of 0 trainings" in text
