"""`config.json` and `times.json` say what made a run, when and where."""

import datetime
import socket
import sys

import pytest

from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment import provenance
from tf_gan_lth.experiment.artifacts import Record
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.export import tickets

CONFIG = configs.from_options({"rounds": 1})


def claim(path, used=None):
    run = RunFolder(path)
    run.claim(CONFIG, used)
    return run.config.get()


def test_host_devices_command_and_date_are_told(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["tf-gan-lth", "find_ticket", "--run_dir=my runs/a"])
    made = provenance.made_with()
    assert made["host"] == socket.gethostname() and made["system"]
    assert made["command"] == "tf-gan-lth find_ticket '--run_dir=my runs/a'"
    assert "cores of" in made["devices"][0]
    date = datetime.datetime.fromisoformat(made["date"])
    assert date.utcoffset() == datetime.timedelta(0)
    assert abs((datetime.datetime.now(datetime.timezone.utc) - date).total_seconds()) < 60


def test_the_same_process_or_one_like_it_adds_nothing(tmp_path):
    first = claim(tmp_path, {})
    written = (tmp_path / "config.json").stat().st_mtime_ns
    assert claim(tmp_path, {}) == first and provenance.CONTINUED not in first
    assert (tmp_path / "config.json").stat().st_mtime_ns == written


def test_who_continues_a_run_elsewhere_is_listed_once(tmp_path, monkeypatch):
    first = claim(tmp_path, {})
    monkeypatch.setattr(socket, "gethostname", lambda: "elsewhere")
    second = claim(tmp_path, {})
    assert second["made_with"] == first["made_with"]
    assert [each["host"] for each in second[provenance.CONTINUED]] == ["elsewhere"]
    assert claim(tmp_path, {}) == second
    monkeypatch.setattr(sys, "argv", ["another command"])
    third = claim(tmp_path, {})[provenance.CONTINUED]
    assert third[0] == second[provenance.CONTINUED][0]
    assert [each["command"] for each in third[1:]] == ["'another command'"]
    # Back where it began: that is known.
    monkeypatch.undo()
    assert claim(tmp_path, {})[provenance.CONTINUED] == third


def test_a_run_of_a_version_that_recorded_less_is_continued(tmp_path):
    first = claim(tmp_path, {})
    older = {n: first["made_with"][n] for n in ("tf_gan_lth", "git_revision", "python")}
    RunFolder(tmp_path).config.put({**first, "made_with": older})
    again = claim(tmp_path, {})
    assert again["made_with"] == older and len(again[provenance.CONTINUED]) == 1
    assert provenance.of_run(again)["run"] == CONFIG.digest
    assert provenance.of_run({"digest": "d"}) == {"run": "d", provenance.CONTINUED: []}


def test_a_part_that_is_stopped_keeps_its_beginning(tmp_path):
    times = Record(tmp_path / "times.json")
    with pytest.raises(KeyboardInterrupt), provenance.timed(times, "training"):
        raise KeyboardInterrupt
    stopped = times.get()["training"]
    assert stopped.keys() == {"began", "hosts"}
    times.put({"training": {"began": "2020-01-01T00:00:00+00:00", "hosts": ["elsewhere"]}})
    with provenance.timed(times, "training"):
        pass
    training = times.get()["training"]
    assert training["began"] == "2020-01-01T00:00:00+00:00" and training["ended"] > "2026"
    assert training["hosts"] == ["elsewhere", socket.gethostname()]
    with provenance.timed(times, "scoring", finished=True):
        pass
    assert times.get() == {"training": training}


def test_a_lottery_dates_its_parts(finished):
    record = finished.run.replicate(0).round(1).times.get()
    for part in ("training", "scoring"):
        assert record[part]["began"] <= record[part]["ended"]
        assert record[part]["hosts"] == [socket.gethostname()]
    made = finished.run.config.get()["made_with"]
    assert made["date"] <= record["training"]["began"]


def test_an_export_says_what_made_its_run_and_when(finished):
    folder = finished.run.replicate(0).round(1)
    snapshot, kept, _ = tickets.weights_of(folder, "generator")
    facts = tickets.describe(finished.run, folder, "generator", snapshot, kept)
    config = finished.run.config.get()
    assert facts["made_from"] == {
        "run": config["digest"],
        **config["made_with"],
        "continued_with": [],
        "times": folder.times.get(),
    }
