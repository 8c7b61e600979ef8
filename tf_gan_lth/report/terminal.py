"""What a run prints while it goes on and when it is done."""

from tf_gan_lth import export, findings
from tf_gan_lth.experiment.paths import Path
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.report import pages


def update(run: RunFolder) -> None:
    """Writes results and report anew after a training, and prints the table of results."""
    with run.lock():
        results, _ = findings.write_results(run)
        print(findings.table(results), flush=True)
        pages.write(run)


def conclude(run: RunFolder) -> None:
    """Finishes a run, and prints its verdicts and where everything is."""
    verdicts, exports = finish(run)
    for name, verdict in verdicts.items():
        title = f"Verdict, {name}" if len(verdicts) > 1 else "Verdict"
        comparison = findings.comparison_table(verdict.comparisons)
        print(f"\n{comparison}\n\n{title}: {verdict.sentence}")
    print(f"Report: {run.report.path}\nTensorBoard: tensorboard --logdir={run.tensorboard}")
    for exported in exports:
        print(f"Sparse generator: {exported}")


def finish(run: RunFolder) -> tuple[dict[str, findings.Verdict], list[Path]]:
    """Judges a run, exports its tickets and writes its report.

    Returns:
      {generator: its verdict}, and the paths of what was exported.
    """
    with run.lock():
        _, verdicts = findings.write_results(run)
        exports = export.export_tickets(run, verdicts)
        pages.write(run)
    return verdicts, exports
