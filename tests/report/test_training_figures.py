"""FID along training, drawn as means over the replicates that have it."""

import csv

import numpy as np
import pytest
from helpers import run_lottery

from tf_gan_lth.report import judged, training_figures


@pytest.fixture(scope="module")
def scored(tiny_options, tmp_path_factory):
    """Two replicates, scored after 2, 4 and all 5 steps; controls at round 1 of 2."""
    chosen = {
        "steps": 5,
        "rounds": 2,
        "branches": ("random_mask",),
        "branch_rounds": (1,),
        "replicates": 2,
        "score_every": 2,
    }
    return run_lottery({**tiny_options, **chosen}, tmp_path_factory.mktemp("scored") / "run")


def read(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_dense_ticket_and_controls_are_means_of_what_the_trainings_scored(scored, tmp_path):
    written = training_figures.write([judged.judge(scored.run)], tmp_path)
    suffixes = (".csv", ".svg", ".pdf", ".png")
    assert [path.name for path in written] == [f"run_generator_training{s}" for s in suffixes]
    rows = read(written[0])
    assert [(row["series"], row["step"]) for row in rows] == [
        (name, step)
        for name in ("dense GAN", "ticket, round 1", "random mask, round 1")
        for step in "245"
    ]
    folders = [scored.run.replicate(number).round(1).branch("random_mask") for number in (0, 1)]
    ends = [folder.scores.get()["generator"]["fid"] for folder in folders]
    within = [
        folder.score_curve.get()["points"][0]["scores"]["generator"]["fid"] for folder in folders
    ]
    for row, fids in ((rows[-1], ends), (rows[-3], within)):
        found = [float(row[name]) for name in ("fid_low", "fid", "fid_high")]
        mean, deviation = np.mean(fids), np.std(fids, ddof=1)
        np.testing.assert_allclose(found, [mean - deviation, mean, mean + deviation], rtol=1e-9)
        assert row["replicates"] == "2"


def test_a_replicate_without_scores_within_one_of_them_is_left_out(scored, tmp_path):
    curve = scored.run.replicate(1).round(0).score_curve
    kept = curve.get()
    curve.path.unlink()
    try:
        rows = read(training_figures.write([judged.judge(scored.run)], tmp_path)[0])
    finally:
        curve.put(kept)
    assert {row["replicates"] for row in rows} == {"1"}
    assert all(row["fid"] == row["fid_low"] == row["fid_high"] for row in rows)


def test_a_run_that_was_scored_at_the_ends_alone_has_no_such_figure(finished, tmp_path):
    assert training_figures.write([judged.judge(finished.run)], tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_figures_of_two_runs_of_one_name_are_two(scored, tmp_path):
    written = training_figures.write([judged.judge(scored.run)] * 2, tmp_path)
    stems = {path.stem for path in written}
    assert stems == {"run_0_generator_training", "run_1_generator_training"}
