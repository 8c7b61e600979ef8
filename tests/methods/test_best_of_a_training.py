"""--keep=best: the best score along a training counts, and is called that everywhere."""

import csv
import dataclasses
import json
import shutil

import pytest
import tf_keras as keras
from compressions import set_up as set_up_compression
from helpers import equal, run_lottery, set_up

from tf_gan_lth import findings, report
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.errors import RunFolderError, UsageError
from tf_gan_lth.methods import Observer, compressing, jobs
from tf_gan_lth.methods.evaluations import with_best
from tf_gan_lth.report import score_curves


@pytest.fixture(scope="module")
def options(tiny_options):
    return {**tiny_options, "steps": 5, "rounds": 1, "branches": ()}


@pytest.fixture(scope="module")
def last(options, tmp_path_factory):
    return run_lottery(options, tmp_path_factory.mktemp("last") / "run")


@pytest.fixture(scope="module")
def best(options, tmp_path_factory):
    """Scored after 2, 4 and all 5 steps of each training."""
    chosen = {**options, "score_every": 2, "keep": "best"}
    done = run_lottery(chosen, tmp_path_factory.mktemp("best") / "run")
    findings.write_results(done.run)
    return done


def without_time(record):
    return {n: v for n, v in record.items() if n not in ("eval_seconds", "best")}


def test_the_training_and_its_last_score_are_as_without(last, best):
    for number in (0, 1):
        one, other = last.replicate.round(number), best.replicate.round(number)
        assert equal(one.weights.get(), other.weights.get())
        assert equal(one.masks.get(), other.masks.get())
        records = [folder.scores.get()["generator"] for folder in (one, other)]
        assert without_time(records[0]) == without_time(records[1])
        assert "best" not in records[0] and not one.score_curve.exists()


def test_the_best_is_the_lowest_of_all_along_the_training(best):
    for number in (0, 1):
        folder = best.replicate.round(number)
        record = folder.scores.get()["generator"]
        points = folder.score_curve.get()["points"]
        assert [point["step"] for point in points] == [2, 4]
        fids = {p["step"]: p["scores"]["generator"]["fid"] for p in points} | {5: record["fid"]}
        assert record["best"]["fid"] == min(fids.values())
        assert fids[record["best"]["step"]] == min(fids.values())
        assert record["best"]["of"] == 3


def test_a_score_within_is_that_of_a_training_that_ends_there(options, best, tmp_path):
    short = run_lottery({**options, "steps": 4, "rounds": 0}, tmp_path / "run")
    [_, point] = best.replicate.round(0).score_curve.get()["points"]
    record = short.replicate.round(0).scores.get()["generator"]
    assert point["scores"]["generator"] == findings.results.scores_of(record)


def test_the_first_of_equal_ones_is_taken_and_the_last_step_counts_once(tmp_path, best):
    folder = best.replicate.round(0).branch("made_up")
    folder.score_curve.path.parent.mkdir(parents=True)
    points = [{"step": s, "scores": {"g": {"fid": f}}} for s, f in [(2, 3.0), (4, 3.0), (6, 1.0)]]
    folder.score_curve.put({"steps": 6, "points": points})
    found = with_best({"g": {"fid": 5.0, "protocol": "quick/a/b"}}, folder, 6, 2)["g"]
    shutil.rmtree(folder.path.parent)
    assert (found["fid"], found["protocol"]) == (5.0, "quick/a/b")
    protocol = "quick+best_of_every=2/a/b"
    assert found["best"] == {"fid": 3.0, "step": 2, "of": 3, "protocol": protocol}


def test_table_csv_verdict_and_report_say_so(best):
    results, verdicts = findings.judge_run(best.run)
    for result in results:
        record = best.replicate.round(result.round).scores.get()["generator"]
        assert result.fid == record["best"]["fid"]
        assert result.best_of == 3 and result.best_step == record["best"]["step"]
        assert "+best_of_every=2/" in result.protocol
    assert "best of" in findings.table(results)
    rows = csv.DictReader(best.run.results.get().decode().splitlines())
    assert [row["best_of"] for row in rows] == ["3", "3"]
    remark = "Each FID is the best of 3 along its training, so it is biased low"
    assert remark in verdicts["generator"].sentence
    report.conclude(best.run)
    page = best.run.report.get().decode()
    assert remark in page and "<h2>FID of each training</h2>" in page
    [(label, (steps, values))] = score_curves.read(best.replicate.round(1)).items()
    assert label == "FID" and list(steps) == [2, 4, 5]
    assert values[-1] == best.replicate.round(1).scores.get()["generator"]["fid"]


def test_nothing_of_it_is_said_of_last_scores(last):
    results, verdicts = findings.write_results(last.run)
    report.conclude(last.run)
    assert "best of" not in findings.table(results) + verdicts["generator"].sentence
    assert "best_of" not in findings.rows(results)[0]
    assert b"FID of each training" not in last.run.report.get()


def test_a_curve_that_was_removed_before_the_scores_is_made_again(options, best, tmp_path):
    shutil.copytree(best.run.path, tmp_path / "run")
    folder = tmp_path / "run" / "replicate_0" / "round_01"
    expected = json.loads((folder / "scores.json").read_text())
    for name in ("scores.json", "score_curve.json"):
        (folder / name).unlink()
    with pytest.warns(match="score_curve.json is missing: it is trained again"):
        again = run_lottery({**options, "score_every": 2, "keep": "best"}, tmp_path / "run")
    found = again.replicate.round(1).scores.get()["generator"]
    assert found["best"] == expected["generator"]["best"]


@pytest.mark.parametrize(
    "change", [{"score_every": 1}, {"keep": "last"}, {"score_every": 0, "keep": "last"}]
)
def test_what_it_is_the_best_of_is_what_the_run_is(options, best, change):
    with pytest.raises(RunFolderError, match="--(score_every|keep) is"):
        set_up({**options, "score_every": 2, "keep": "best", **change}, best.run.path)


def test_scores_of_last_steps_may_be_made_within_or_not(options, last):
    set_up({**options, "score_every": 3}, last.run.path)
    identity = configs.identity(configs.from_options({"score_every": 3}))
    assert identity == {}
    chosen = configs.from_options({"score_every": 3, "keep": "best"})
    assert configs.identity(chosen) == {"score_every": 3, "keep": "best"}


def test_the_best_of_one_score_is_refused():
    with pytest.raises(UsageError, match="--keep=best is the best of several scores: it needs"):
        configs.from_options({"keep": "best"})
    with pytest.raises(UsageError, match="unknown value of --keep 'bets': did you mean 'best'"):
        configs.from_options({"keep": "bets", "score_every": 2})


def test_the_earlier_name_is_read():
    config = configs.from_options({"eval_every": 7})
    assert config.evaluation.score_every == 7 and config.extras == {}
    assert "eval_every" not in configs.to_options(config)
    assert configs.from_options({"eval_every": 7, "score_every": 8}).evaluation.score_every == 8


class Kill(keras.callbacks.Callback):
    def on_train_batch_begin(self, batch, logs=None):
        if batch == 4:
            raise RuntimeError("killed")


class Killer(Observer):
    """Ends a training after its second score, without a checkpoint."""

    def callbacks(self):
        return [Kill()]


def test_what_was_scored_after_the_last_checkpoint_is_scored_again(options, best, tmp_path):
    own = set_up({**options, "score_every": 2, "keep": "best", "rounds": 0}, tmp_path / "run")
    killed = dataclasses.replace(own.bench, observer=Killer())
    with pytest.raises(RuntimeError, match="killed"):
        jobs.run(own.method, killed, own.run)
    folder, twin = own.replicate.round(0), best.replicate.round(0)
    assert [point["step"] for point in folder.score_curve.get()["points"]] == [2, 4]
    jobs.run(own.method, own.bench, own.run)
    assert folder.score_curve.get()["points"] == twin.score_curve.get()["points"]
    found = folder.scores.get()["generator"]["best"]
    assert found == twin.scores.get()["generator"]["best"]


def test_a_compression_has_the_best_of_as_many_as_its_dense_gan(best, tmp_path):
    given = {"method": "ticket", "budgets": (0.9,)}
    for asked in ({}, {"score_every": 2}):
        config, _ = compressing.prepare(str(best.run.path), given | asked)
        assert (config.evaluation.keep, config.evaluation.score_every) == ("best", 2)
    with pytest.raises(UsageError, match="--score_every=1, but the dense GAN of .* with 2"):
        compressing.prepare(str(best.run.path), {**given, "score_every": 1})
    # By draws of another replicate the dense GAN cannot be scored along its training any more.
    message = "--keep=best: the dense GAN of .*replicate_0 .* replicate 1: give --dense=RUN"
    with pytest.raises(UsageError, match=message):
        set_up_compression(best.replicate.path, tmp_path / "run", **given, replicates=2)
    assert not (tmp_path / "run").exists()
