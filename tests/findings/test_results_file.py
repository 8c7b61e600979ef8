"""A table of results gives all again that was found out about its runs."""

import csv
import dataclasses
import io
import pathlib

import pytest
from made_results import put_scores, rows, run_of

from tf_gan_lth import findings
from tf_gan_lth.experiment.errors import EvaluationError, UsageError
from tf_gan_lth.findings import Plan, results_file
from tf_gan_lth.findings.judging import Found, judge_all, told_apart
from tf_gan_lth.findings.verdict import worth

PUBLISHED = pathlib.Path(__file__).parents[2] / "docs" / "results"


@pytest.fixture
def planned(tmp_path):
    """A run of a paired plan with a margin of its own, of which a replicate is to come."""
    run = run_of(tmp_path / "run", paired=True, replicates=4, margin=0.2)
    for number, fids in enumerate(([10.0, 14.0, 12.0], [10.5, 14.2, 12.6], [12.0, 17.0, 13.9])):
        put_scores(run, number, fids)
    return run


def test_a_runs_table_is_judged_as_the_run(planned):
    results, verdicts = findings.write_results(planned)
    [found] = results_file.read(planned.results.path)
    assert found.name == "run" and found.results == [
        dataclasses.replace(result, generator_params=1) for result in results
    ]
    [verdict] = found.verdicts.values()
    assert verdict.plan == Plan(4, paired=True) and verdict.margin == 0.2
    assert verdict.comparisons == verdicts["generator"].comparisons
    assert verdict.sentence == verdicts["generator"].sentence


def test_a_trained_run_is_read_back_with_scores_and_costs(finished):
    results, verdicts = findings.write_results(finished.run)
    [found] = results_file.read(finished.run.results.path)
    assert found.verdicts == verdicts
    for read, result in zip(found.results, results, strict=True):
        spared = {"time_share": {}, "train_macs": None}  # no columns
        assert read == dataclasses.replace(result, **spared)


def test_several_runs_are_told_apart_by_their_names(planned, tmp_path):
    results, verdicts = findings.write_results(planned)
    lines = [{"run": name, **row} for name in "ab" for row in results_file.lines(results, verdicts)]
    path = tmp_path / "both.csv"
    path.write_bytes(results_file.table(lines))
    found = results_file.read(path)
    assert [run.name for run in found] == ["a", "b"] and found[0].results == found[1].results


def test_runs_of_one_name_get_names_of_their_own():
    runs = [Found(name, [], {}) for name in ("a", "a", "b", "a_1")]
    assert [run.name for run in told_apart(runs)] == ["a_0", "a_1_", "b", "a_1"]


def test_a_score_that_one_run_lacks_is_none_in_it(planned, tmp_path):
    results, verdicts = findings.write_results(planned)
    first, *others = results_file.lines(results, verdicts)
    path = tmp_path / "more.csv"
    path.write_bytes(results_file.table([first | {"own": 0.25}, *others]))
    [found] = results_file.read(path)
    assert [r.scores["own"] for r in found.results] == [0.25] + [None] * (len(results) - 1)


@pytest.mark.parametrize("path", sorted(PUBLISHED.glob("*.csv")), ids=lambda path: path.stem)
def test_published_tables_say_what_they_said(path):
    """Also those of versions that wrote fewer columns: tests and means come out as they stand."""
    stands = list(csv.DictReader(io.StringIO(path.read_text())))
    found = {run.name: run for run in results_file.read(path)}
    for row in stands:
        run = found[row.get("run", path.stem)]
        verdict = run.verdicts[row.get("generator", "generator")]
        comparison = verdict.comparisons[int(row["round"]), row["branch"]]
        assert comparison.fid_mean == pytest.approx(float(row["fid_mean"]), rel=1e-9)
        p = comparison.p_matching
        assert ("" if p is None else pytest.approx(p, abs=1e-6)) == (
            row["p_matching"] and float(row["p_matching"])
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: "", "no table of results.*it has no replicate, round, branch"),
        (lambda text: text.replace("fid,", "fad,"), "it has no fid"),
        (lambda text: text[:-20], "line 10 of .* has not as many cells as its first line"),
        (
            lambda text: text.replace("10.5", "ten"),
            "line [0-9] of .*fid is 'ten': expected a number",
        ),
        (lambda text: "\n".join(text.split("\n")[:1] + text.split("\n")[2:3]), "no dense GAN"),
    ],
)
def test_another_table_is_refused_in_a_line(planned, tmp_path, change, message):
    findings.write_results(planned)
    path = tmp_path / "changed.csv"
    path.write_text(change(planned.results.path.read_text()))
    with pytest.raises(UsageError, match=message):
        results_file.read(path)


def changed(table, path, change):
    """A table whose rows were changed, each by `change(row)`, and those that it returns added."""
    held = list(csv.DictReader(io.StringIO(table.decode())))
    path.write_bytes(results_file.table([row for old in held for row in change(old)]))
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda row: [row | {"fid": ""}], "line 2 .*fid is empty"),
        (lambda row: [row | {"fid": "nan"}], "line 2 .*fid is 'nan': expected a number"),
        (lambda row: [row | {"kid": "inf"}], "line 2 .*kid is 'inf': expected a number"),
        (lambda row: [row | {"replicate": "0.5"}], "replicate is '0.5': expected a whole number"),
        (lambda row: [row | {"round": "-1"}], "round is '-1': expected a whole number"),
        (lambda row: [row | {"generator_sparsity": "1.5"}], "sparsity is 1.5: expected 0 to 1"),
        (
            lambda row: [row | {"generator": "../out"}],
            r"line 2 .*generator is '\.\./out': expected the name of a network",
        ),
        (lambda row: [row, row], "line 3 .*has replicate 0, round 0, main, twice.*a column 'run'"),
        (lambda row: [row | {"looks": "0"}], "line 2 .*--looks=0 is out of range"),
        (lambda row: [row | {"looks": "9", "paired": "False"}], "--looks=9 needs more"),
        (lambda row: [row | {"looks": ""}], "--looks= is not understood"),
        (lambda row: [row | {"margin": "nan"}], "--margin=nan is not a finite number"),
        (lambda row: [row | {"paired": "yes"}], "--paired=yes is not understood"),
        (lambda row: [row | {"margin": f"0.{row['round']}"}], "differ from those of line 2"),
        (
            lambda row: [row] + [row | {"generator": "other"}] * (row["round"] != "0"),
            "has no dense GAN, round 0, of its other",
        ),
    ],
)
def test_cells_that_would_be_judged_wrongly_are_refused_by_their_line(
    planned, tmp_path, change, message
):
    findings.write_results(planned)
    path = changed(planned.results.get(), tmp_path / "changed.csv", change)
    with pytest.raises(UsageError, match=message):
        results_file.read(path)


def test_a_table_that_a_spreadsheet_saved_says_the_same(planned, tmp_path):
    """Which writes a byte-order mark, True as TRUE, and whole numbers as other programs do."""
    _, verdicts = findings.write_results(planned)
    path = changed(
        planned.results.get(),
        tmp_path / "saved.csv",
        lambda row: [
            row
            | {"paired": row["paired"].upper()}
            | {name: row[name] + ".0" for name in ("seed", "planned_replicates", "looks")}
        ],
    )
    path.write_bytes("\ufeff".encode() + path.read_bytes().replace(b"\n", b"\r\n"))
    [found] = results_file.read(path)
    assert found.verdicts["generator"].comparisons == verdicts["generator"].comparisons
    assert found.verdicts["generator"].plan == Plan(4, paired=True)


def test_macs_of_which_a_table_does_not_say_what_is_left_are_not_told(planned, tmp_path):
    findings.write_results(planned)
    path = changed(planned.results.get(), tmp_path / "less.csv", lambda row: [row | {"macs": "9"}])
    [found] = results_file.read(path)
    assert "MACs" not in worth(found.results, 1).sentence


def test_bytes_are_no_table(tmp_path):
    path = tmp_path / "picture.csv"
    path.write_bytes(bytes(range(256)))
    with pytest.raises(UsageError, match="picture.csv is no table of results"):
        results_file.read(path)


def test_scores_of_several_protocols_are_refused():
    results = rows(0, [10.0]) + [dataclasses.replace(r, protocol="q") for r in rows(1, [9.0])]
    with pytest.raises(EvaluationError, match="different protocols"):
        judge_all(results, 0.1, None)
