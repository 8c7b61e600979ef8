"""`tf-gan-lth report`: what it writes, and what it refuses."""

import shutil

import pytest
from absl import flags

from tf_gan_lth import findings
from tf_gan_lth.cli import command_line, runs
from tf_gan_lth.cli import report as command
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.report import axes


def run(capsys, *arguments):
    """The exit code and output of the command."""
    values = flags.FlagValues()
    command.define(values)
    values(["report", *map(str, arguments)], known_only=True)
    rest = [str(a) for a in arguments if not str(a).startswith("--")]
    values["runs"].value = rest
    try:
        command.main(values)
    except command_line.ToolkitError as error:
        return 1, str(error)
    return 0, capsys.readouterr().out


def test_a_run_has_its_own_report_made_anew(finished, capsys):
    finished.run.report.put(b"old")
    code, out = run(capsys, finished.run.path)
    assert code == 0 and out == f"Report: {finished.run.report.path}\n"
    assert finished.run.report.get().startswith(b"<!doctype html>")


def test_every_axis_that_is_named_is_drawn():
    assert set(command.AXES) == set(axes.SHARES)


def test_several_runs_and_figures_go_where_they_are_asked_for(finished, tmp_path, capsys):
    other = shutil.copytree(finished.run.path, tmp_path / "other")
    code, out = run(
        capsys,
        finished.run.path,
        other,
        f"--output={tmp_path}/both.html",
        f"--figures={tmp_path}/figures",
    )
    assert code == 0, out
    assert "of 2 runs</h1>" in (tmp_path / "both.html").read_text()
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    assert {"other_generator.pdf", "other_generator.csv", "together_1_generator.svg"} <= names
    assert out.count("Figure: ") == len(names) == 12


def test_more_than_three_runs_have_axes_of_their_own_in_one_figure(finished, tmp_path, capsys):
    copies = [shutil.copytree(finished.run.path, tmp_path / f"gan_{number}") for number in range(4)]
    table, figures = tmp_path / "all.csv", tmp_path / "figures"
    out = run(capsys, *copies, f"--output={tmp_path}/all.html", f"--csv={table}")
    assert out[0] == 0, out
    out = run(capsys, table, f"--figures={figures}")
    assert out[0] == 0, out
    drawn = (figures / "together_1_generator.svg").read_text()
    assert all(drawn.count(f">gan_{number}</text>") == 1 for number in range(4))
    assert drawn.count(">random mask</text>") == drawn.count(">dense GAN</text>") == 1
    data = (figures / "together_1_generator.csv").read_text().splitlines()
    own = [(figures / f"gan_{n}_generator.csv").read_text().splitlines()[1:] for n in range(4)]
    assert data[1:] == [line for lines in own for line in lines]


def test_a_table_says_again_what_its_runs_said(finished, tmp_path, capsys):
    other = shutil.copytree(finished.run.path, tmp_path / "other")
    table = tmp_path / "both.csv"
    code, out = run(
        capsys, finished.run.path, other, f"--output={tmp_path}/both.html", f"--csv={table}"
    )
    assert code == 0 and f"Table: {table}\n" in out
    code, out = run(capsys, table, f"--figures={tmp_path}/again")
    assert code == 0, out
    verdict = findings.judge_run(finished.run)[1]["generator"]
    assert out.count(f"Verdict: {verdict.sentence}\n") == 2
    assert out.count(findings.comparison_table(verdict.comparisons)) == 2
    names = {path.name for path in (tmp_path / "again").iterdir()}
    assert {"other_generator.pdf", "together_1_generator.svg"} <= names


def test_two_runs_of_one_name_stay_two_in_page_table_and_figures(finished, tmp_path, capsys):
    copies = [shutil.copytree(finished.run.path, tmp_path / place / "demo") for place in "ab"]
    table, figures = tmp_path / "both.csv", tmp_path / "figures"
    code, out = run(capsys, *copies, f"--output={tmp_path}/both.html", f"--csv={table}")
    assert code == 0, out
    page = (tmp_path / "both.html").read_text()
    assert ">demo_0</a>" in page and ">demo_1</a>" in page
    code, out = run(capsys, table, f"--figures={figures}")
    assert code == 0 and out.startswith("demo_0\n\n") and "\ndemo_1\n\n" in out
    data = (figures / "together_1_generator.csv").read_text()
    assert data.count("demo_0,") == data.count("demo_1,") > 2
    code, out = run(capsys, *(path / "results.csv" for path in copies))
    assert code == 0 and out.startswith("demo_0\n\n") and "\ndemo_1\n\n" in out


def test_figures_stay_in_their_folder_whatever_a_table_calls_its_runs(finished, tmp_path, capsys):
    table = tmp_path / "odd.csv"
    table.write_text(finished.run.results.get().decode().replace("\n", "\n../../x/y,"))
    table.write_text("run," + table.read_text().rpartition("\n")[0] + "\n")
    code, out = run(capsys, table, f"--figures={tmp_path}/new/figures")
    assert code == 0 and out.startswith("../../x/y\n"), out
    names = {path.name for path in (tmp_path / "new" / "figures").iterdir()}
    assert ".._.._x_y_generator.svg" in names and len(names) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "which runs?"),
        (["RUN", "RUN/../RUN"], "given twice"),
        (["RUN", "nothing"], "give --output=report.html"),
        (["nothing"], "is no run: it has no config.json"),
        (["RUN", "--output=RUN/report.html"], "exists and is not overwritten"),
        (["RUN", "--output=new.txt"], "must end in .html"),
        (["RUN", "--figures=RUN"], "exists and is not overwritten"),
        (["RUN", "--csv=RUN/results.csv"], "exists and is not overwritten"),
        (["RUN", "--csv=new.txt"], "must end in .csv"),
        (["RUN", "RUN/results.csv", "--output=new.html"], "folders of runs or tables of results"),
        (["RUN/results.csv", "--output=new.html"], "is written of runs, not of tables"),
        (["nothing.csv"], "there is no file"),
        (["RUN", "--axis=macs"], "--axis is of the figures"),
        (["RUN", "--figures=new", "--axis=mac"], "unknown axis 'mac': did you mean 'macs'?"),
    ],
)
def test_what_it_cannot_do_is_one_line(finished, tmp_path, monkeypatch, capsys, arguments, message):
    shutil.copytree(finished.run.path, tmp_path / "RUN")
    (tmp_path / "RUN" / "report.html").write_text("theirs")
    monkeypatch.chdir(tmp_path)
    code, out = run(capsys, *arguments)
    assert code == 1 and message in out and "\n" not in out
    assert (tmp_path / "RUN" / "report.html").read_text() == "theirs"


def test_a_run_without_a_dense_score_is_refused_by_name(finished, tmp_path, capsys):
    path = shutil.copytree(finished.run.path, tmp_path / "early")
    (path / "replicate_0" / "round_00" / "scores.json").unlink()
    code, out = run(capsys, path)
    assert code == 1 and f"{path} has no scores of the dense GAN" in out


def test_plain_arguments_are_the_runs_and_only_of_this_command():
    values = flags.FlagValues()
    command.define(values)
    command_line._parse(["report", "a", "b", "--output=x.html"], values, "")
    assert values.runs == ["a", "b"] and values.output == "x.html"


def test_runs_are_named_by_words_or_by_the_flag_and_none_is_dropped():
    values = flags.FlagValues()
    command.define(values)
    with pytest.raises(UsageError, match="unexpected argument 'a' beside --runs: "):
        command_line._parse(["report", "a", "--runs=b"], values, "")
    values = flags.FlagValues()
    runs.define(values)
    command_line._parse(["runs", "--folder=a", "clean"], values, "")
    assert (values.folder, values.action) == ("a", "clean")
