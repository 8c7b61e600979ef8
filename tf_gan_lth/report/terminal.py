"""What a run prints while it goes on and when it is done."""

import sys
from collections.abc import Callable

from tf_gan_lth import export, findings
from tf_gan_lth.experiment.paths import Path
from tf_gan_lth.experiment.replicate_folder import TrainingFolder
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.report import pages


def update(run: RunFolder, folder: TrainingFolder, print: Callable[[str], object] = print) -> None:
    """Writes results and report anew after a training, and prints what is new.

    Args:
      run: what to write of.
      folder: the training.
      print: prints a line.
    """
    with run.lock():
        results, _ = findings.write_results(run)
        for result in results:
            if (result.replicate, result.round, result.branch) == (
                folder.replicate,
                folder.round_number,
                folder.branch_name,
            ):
                print(f"{folder.title}: {findings.line(result)}")
        sys.stdout.flush()
        pages.write(run)


def conclude(run: RunFolder) -> None:
    """Finishes a run, and prints its results, its verdicts and where everything is."""
    verdicts, exports = finish(run)
    print(f"\n{findings.table(findings.read_results(run))}")
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
