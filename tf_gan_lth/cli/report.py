"""Writes a report of runs: one HTML file and, if asked, figures for a paper.

    tf-gan-lth report runs/demo
    tf-gan-lth report runs/demo runs/other --output=both.html --figures=figures

Of one run it is the run's own report.html, made anew, unless --output names a file. Several runs
are in one page: those that were scored under the same protocol in one figure, others apart, as
their scores do not compare. Figures are written as SVG, PDF and PNG, with their data as CSV beside.
"""

import functools
import os

from absl import flags

from tf_gan_lth.cli import command_line
from tf_gan_lth.experiment import paths
from tf_gan_lth.experiment.errors import UsageError


def define(values: flags.FlagValues) -> None:
    """Defines the flags of this command."""
    report = functools.partial(command_line.define_flag, values, "Report")
    report(
        "runs",
        tuple,
        (),
        "folders of runs, by commas; or as plain arguments; required",
        word=True,
    )
    report(
        "output",
        str,
        None,
        "HTML file to write; unset: RUN/report.html of a single run, made anew",
    )
    report("figures", str, None, "new folder for figures as SVG, PDF and PNG; unset: none")


def main(values: flags.FlagValues) -> None:
    """Does what the flags say."""
    if not values.runs:
        raise UsageError("which runs? tf-gan-lth report RUN [RUN ...] --output=report.html")
    folders = [paths.parse(run).absolute() for run in values.runs]
    real = [os.path.realpath(str(path)) for path in folders]
    twice = next((path for path in real if real.count(path) > 1), None)
    if twice is not None:
        raise UsageError(f"{twice} is given twice")
    if len(folders) > 1 and not values.output:
        raise UsageError("several runs need a file for their report: give --output=report.html")
    output = paths.parse(values.output) if values.output else None
    if output:
        command_line.check_free(output, "output", ".html")
    figures = paths.parse(values.figures) if values.figures else None
    if figures:
        command_line.check_free(figures, "figures")
    command_line.start_tensorflow(values, "report")
    from tf_gan_lth.experiment.artifacts import File
    from tf_gan_lth.experiment.run_folder import RunFolder
    from tf_gan_lth.report import figures as paper
    from tf_gan_lth.report import judged, page

    runs = [RunFolder(path) for path in folders]
    found = [judged.judge(run) for run in runs]
    if output:
        File(output).put(page.page(found, output))
    else:
        output = runs[0].report.path
        with runs[0].lock():
            runs[0].report.put(page.page(found, output))
    print(f"Report: {output}")
    if figures:
        for path in paper.write(found, figures):
            print(f"Figure: {path}")
