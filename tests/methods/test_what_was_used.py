"""`config.json` keeps what was asked and what that resolved to; what is usual cannot change under a
run, and runs of earlier versions continue.
"""

import dataclasses
import re
import shutil

import pytest
import tensorflow as tf
from helpers import equal, run_lottery, set_up

import tf_gan_lth
from tf_gan_lth import findings, gans, report
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.config import TrainingConfig
from tf_gan_lth.experiment.errors import RunFolderError
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.gans import sngan

OWN = "sngan_of_a_test"


@pytest.fixture
def copied(finished, tmp_path):
    """A copy of the finished run, to change."""
    return RunFolder(shutil.copytree(finished.run.path, tmp_path / "run"))


def forget(run):
    """Makes the config that of an earlier version, which did not record what was used."""
    record = run.config.get()
    run.config.put({name: record[name] for name in ("digest", "options")})


def usual_sngan(**changes):
    """Makes an SNGAN with other usual values available under a name of its own."""
    spec = gans.find("sngan")
    usual = dataclasses.replace(spec.usual, **changes)
    gans.remember(dataclasses.replace(spec, name=OWN, usual=usual))


def test_every_option_is_recorded_as_it_was_resolved(finished, tiny_options):
    used = finished.run.config.get()["used"]
    for name in ("steps", "learning_rate", "width", "resolution", "num_eval_images"):
        assert used[name] == tiny_options[name]
    unset = {"loss": "hinge", "decay_from": 1.0, "augmentation": "none", "kd_weight": 0.0}
    assert {name: used[name] for name in unset} == unset
    training = {
        field.name for field in dataclasses.fields(TrainingConfig) if not field.metadata["extends"]
    }
    assert {name for name in training if used[name] is None} == {"gamma_learning_rate"}  # Adam's
    assert (used["images.channels"], used["images.classes"]) == (1, 0)
    assert used["network.generator"] != used["network.discriminator"]
    extending = {
        name for name, (f, _) in configs.walk(configs.Config()).items() if f.metadata["extends"]
    }
    assert extending and not extending & used.keys()


def test_what_is_usual_for_the_gan_is_recorded_where_nothing_is_asked(tiny_options, tmp_path):
    unset = ("steps", "learning_rate", "discriminator_steps", "ema_decay")
    options = {name: value for name, value in tiny_options.items() if name not in unset}
    run = set_up(options, tmp_path / "run").run
    record = run.config.get()
    expected = {
        "steps": 50_000,
        "learning_rate": 2e-4,
        "discriminator_steps": 5,
        "ema_decay": 0.999,
    }
    assert {name: record["used"][name] for name in unset} == expected
    assert all(record["options"][name] is None for name in unset)


def test_versions_and_revision_are_recorded(finished):
    made = finished.run.config.get()["made_with"]
    assert made["tf_gan_lth"] == tf_gan_lth.__version__
    assert made["tensorflow"] == tf.__version__
    assert {"python", "tf-keras", "tensorflow-gan", "numpy"} < made.keys()
    revision = made["git_revision"]
    assert revision is None or re.fullmatch(r"[0-9a-f]{40}(\+changes)?", revision)


def test_a_run_whose_usual_value_changed_is_refused_by_the_options_name(tiny_options, tmp_path):
    options = {**tiny_options, "gan": OWN, "learning_rate": None}
    usual_sngan(learning_rate=2e-3)
    set_up(options, tmp_path / "run")
    usual_sngan(learning_rate=3e-3)
    changed = "--learning_rate is 0.002 there and 0.003 here .no option was changed: what is usual"
    with pytest.raises(RunFolderError, match=f"holds another experiment: {changed}"):
        set_up(options, tmp_path / "run")
    # As it was then, and as it would be anyway.
    set_up({**options, "learning_rate": 2e-3}, tmp_path / "run")
    usual_sngan(learning_rate=2e-3)
    set_up(options, tmp_path / "run")


def test_a_run_whose_networks_changed_is_refused_by_their_name(tiny_options, tmp_path):
    options = {**tiny_options, "gan": OWN}
    usual_sngan()
    set_up(options, tmp_path / "run")

    def narrower(options, images, fused):
        return sngan.build(dataclasses.replace(options, discriminator_width=1), images, fused)

    gans.remember(dataclasses.replace(gans.find(OWN), build=narrower))
    with pytest.raises(RunFolderError, match="network.discriminator is .* the networks, changed"):
        set_up(options, tmp_path / "run")


def test_a_value_that_is_given_as_it_is_usual_continues_the_run(copied, tiny_options):
    before = copied.config.get()
    given = {**tiny_options, "loss": "hinge", "decay_from": 1.0, "rate": 0.2}
    assert run_lottery(given, copied.path).recorder.order == []
    after = copied.config.get()
    assert after["options"]["loss"] == "hinge" and before["options"]["loss"] is None
    assert after["used"] == before["used"] and after["made_with"] == before["made_with"]
    with pytest.raises(RunFolderError, match="--loss is hinge there and wasserstein here"):
        set_up({**tiny_options, "loss": "wasserstein"}, copied.path)


def test_a_run_that_did_not_record_it_continues_and_gets_it(copied, finished, tiny_options):
    forget(copied)
    with pytest.raises(RunFolderError, match="--loss is None there and wasserstein here"):
        set_up({**tiny_options, "loss": "wasserstein"}, copied.path)
    assert "used" not in copied.config.get()
    assert run_lottery(tiny_options, copied.path).recorder.order == []
    assert copied.config.get()["used"] == finished.run.config.get()["used"]
    assert copied.config.get()["made_with"].keys() == finished.run.config.get()["made_with"].keys()


def test_an_option_that_is_newer_than_the_run_counts_once_it_is_asked_for(copied, tiny_options):
    record = copied.config.get()
    newer = {name: value for name, value in record["used"].items() if name != "precision"}
    copied.config.put({**record, "used": newer})
    set_up(tiny_options, copied.path)
    with pytest.raises(RunFolderError, match="--precision is None there and mixed_bfloat16 here"):
        set_up({**tiny_options, "precision": "mixed_bfloat16"}, copied.path)


def make_old(run):
    """Makes the artifacts those of an earlier version: the generator's scores alone, no costs."""
    forget(run)
    replicate = run.replicate(0)
    replicate.untrained_scores.put(replicate.untrained_scores.get()["generator"])
    for number in replicate.rounds():
        for folder in (number, *number.branches()):
            folder.scores.put(folder.scores.get()["generator"])
            sparsity = folder.sparsity.get()
            for record in sparsity.values():
                for name in ("judge", "macs", "macs_left"):
                    record.pop(name, None)
            folder.sparsity.put(sparsity)


def test_a_run_of_an_earlier_version_is_read_and_goes_on(copied, finished, tiny_options):
    make_old(copied)
    expected = findings.read_results(finished.run)
    results = findings.read_results(copied)
    lost = {"macs": None, "macs_left": None}
    assert results == [dataclasses.replace(result, **lost) for result in expected]
    assert results[0].discriminator_sparsity == 0.0
    macs = [column for column in findings.columns() if column.name in lost]
    assert len(macs) == 2
    assert {column.text(result) for column in macs for result in results} == {"-"}
    assert findings.table(results).count("\n") == len(results)

    longer = run_lottery({**tiny_options, "rounds": 4}, copied.path)
    assert longer.recorder.order == [(4, "main")]
    results = findings.read_results(copied)
    assert [column.text(results[0]) for column in macs] == ["-", "-"]
    assert all(column.text(results[-1]).replace(",", "").isdigit() for column in macs)
    findings.write_results(copied)
    report.write(copied)
    page = copied.report.get().decode()
    assert "MACs left" in page and "<td>-</td>" in page
    first, again = (run.replicate(0).round(3).weights.get() for run in (finished.run, copied))
    assert equal(first, again)
