"""Writes a report of runs: one HTML file and, if asked, figures and a table.

    tf-gan-lth report runs/demo
    tf-gan-lth report runs/demo runs/other --output=both.html --figures=figures --csv=both.csv
    tf-gan-lth report both.csv --figures=figures --axis=macs

Of one run it is the run's own report.html, made anew, unless --output names a file. Several runs
are in one page: those that were scored under the same protocol in one figure, others apart, as
their scores do not compare. Figures are written as SVG, PDF and PNG, with their data as CSV beside;
a run with scores within its trainings (--score_every) has one of FID against steps. A table that
--csv wrote, or a run's results.csv, gives comparisons, verdicts and the other figures again without
the runs.
"""

import functools

from absl import flags

from tf_gan_lth.cli import command_line, outputs
from tf_gan_lth.experiment import paths
from tf_gan_lth.experiment.errors import UsageError, check_known

TABLE = ".csv"
AXES = ("units", "macs", "parameters")  # names of `report.axes.SHARES`, without TensorFlow


def define(values: flags.FlagValues) -> None:
    """Defines the flags of this command."""
    report = functools.partial(command_line.define_flag, values, "Report")
    report(
        "runs",
        tuple,
        (),
        "folders of runs, or tables of results, by commas; or as plain arguments; required",
        word=True,
    )
    report(
        "output",
        str,
        None,
        "HTML file to write; unset: RUN/report.html of a single run, made anew",
    )
    report("figures", str, None, "new folder for figures as SVG, PDF and PNG; unset: none")
    report(
        "axis",
        str,
        "units",
        "what the figures are drawn against, in % of the dense generator's: units (what is"
        " prunable), macs or parameters",
    )
    report("csv", str, None, "new CSV file for the results of all runs; unset: none")


def main(values: flags.FlagValues) -> None:
    """Does what the flags say."""
    given = _given(values.runs)
    tables = [path for path in given if path.name.endswith(TABLE)]
    if tables and len(tables) < len(given):
        raise UsageError("give folders of runs or tables of results, not both")
    if tables and (values.output or values.csv):
        raise UsageError("a page or a table is written of runs, not of tables")
    if len(given) > 1 and not tables and not values.output:
        raise UsageError("several runs need a file for their report: give --output=report.html")
    if values["axis"].present and not values.figures:
        raise UsageError("--axis is of the figures: give --figures=FOLDER")
    check_known("axis", values.axis, AXES)
    output, figures, table = (
        _free(values, *flag) for flag in (("output", ".html"), ("figures", ""), ("csv", TABLE))
    )
    command_line.start_tensorflow(values, "report")
    found = _read_tables(tables) if tables else _write_page(given, output)
    if table:
        _write_table(found, table)
    if figures:
        from tf_gan_lth.report import figures as paper
        from tf_gan_lth.report import training_figures

        written = paper.write(found, figures, values.axis)
        if not tables:  # they hold the scores at the ends of trainings alone
            written += training_figures.write(found, figures)
        for path in written:
            print(f"Figure: {path}")


def _given(runs: tuple[str, ...]) -> list[paths.Path]:
    if not runs:
        raise UsageError("which runs? tf-gan-lth report RUN [RUN ...] --output=report.html")
    given = [paths.parse(run).absolute() for run in runs]
    paths.check_different(given)
    return given


def _free(values: flags.FlagValues, name: str, suffix: str) -> paths.Path | None:
    """The path that a flag names, at which there must be nothing."""
    if not values[name].value:
        return None
    path = paths.parse(values[name].value)
    outputs.check_free(path, name, suffix)
    return path


def _write_page(folders: list[paths.Path], output: paths.Path | None) -> list:
    """Writes the page of runs; returns what was found out about them."""
    from tf_gan_lth.experiment.artifacts import File
    from tf_gan_lth.experiment.run_folder import RunFolder
    from tf_gan_lth.findings.judging import told_apart
    from tf_gan_lth.report import judged, page

    runs = [RunFolder(path) for path in folders]
    found = told_apart([judged.judge(run) for run in runs])
    if output:
        File(output).put(page.page(found, output))
    else:
        output = runs[0].report.path
        with runs[0].lock():
            runs[0].report.put(page.page(found, output))
    print(f"Report: {output}")
    return found


def _read_tables(paths_of_tables: list[paths.Path]) -> list:
    """Prints comparisons and verdicts of the runs in tables; returns what was found out."""
    from tf_gan_lth.findings import comparison_table, results_file
    from tf_gan_lth.findings.judging import told_apart

    found = told_apart([run for path in paths_of_tables for run in results_file.read(path)])
    for run in found:
        for generator, verdict in run.verdicts.items():
            name = run.name if len(run.verdicts) == 1 else f"{run.name}, {generator}"
            print(f"{name}\n\n{comparison_table(verdict.comparisons)}\n")
            print(f"Verdict: {verdict.sentence}\n")
    return found


def _write_table(found: list, path: paths.Path) -> None:
    """Writes the results of runs, each under its name."""
    from tf_gan_lth.experiment.artifacts import File
    from tf_gan_lth.findings import results_file

    rows = [
        {results_file.RUN: run.name} | row
        for run in found
        for row in results_file.lines(run.results, run.verdicts)
    ]
    File(path).put(results_file.table(rows))
    print(f"Table: {path}")
