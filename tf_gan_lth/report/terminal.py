"""What a lottery prints while it runs and when it is done."""

import functools
import pathlib
from collections.abc import Callable

from tf_gan_lth import lottery
from tf_gan_lth.experiment.run_folder import Place, RunFolder
from tf_gan_lth.report import pages


def follow(run: RunFolder) -> Callable[[Place], None]:
    """A function to call after each training: it writes results and report anew and prints the table."""
    return functools.partial(_after_training, run)


def _after_training(run: RunFolder, place: Place) -> None:
    del place
    results, _ = lottery.write_results(run)
    print(lottery.table(results), flush=True)
    pages.write(run)


def conclude(run: RunFolder, verdict: lottery.Verdict, saved_model: pathlib.Path | None) -> None:
    """Writes the report; prints the verdict and where everything is."""
    pages.write(run)
    print(f"\n{lottery.comparison_table(verdict.comparisons)}\n\nVerdict: {verdict.sentence}")
    print(f"Report: {run.report.path}\nTensorBoard: tensorboard --logdir={run.tensorboard}")
    if saved_model:
        print(f"Sparse generator: {saved_model}")
