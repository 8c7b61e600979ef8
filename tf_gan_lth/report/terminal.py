"""What a lottery prints while it runs and when it is done."""

import functools
from collections.abc import Callable

from tf_gan_lth import export, lottery
from tf_gan_lth.experiment.run_folder import Place, RunFolder
from tf_gan_lth.report import pages


def follow(run: RunFolder) -> Callable[[Place], None]:
    """A function to call after each training: it writes results and report anew and prints the
    table.
    """
    return functools.partial(_after_training, run)


def _after_training(run: RunFolder, place: Place) -> None:
    del place
    with run.lock():
        results, _ = lottery.write_results(run)
        print(lottery.table(results), flush=True)
        pages.write(run)


def conclude(run: RunFolder) -> None:
    """Judges a run, exports its tickets and writes its report; prints the verdicts and where
    everything is.
    """
    with run.lock():
        _, verdicts = lottery.write_results(run)
        saved_models = export.export_tickets(run, verdicts)
        pages.write(run)
    for name, verdict in verdicts.items():
        title = f"Verdict, {name}" if len(verdicts) > 1 else "Verdict"
        print(f"\n{lottery.comparison_table(verdict.comparisons)}\n\n{title}: {verdict.sentence}")
    print(f"Report: {run.report.path}\nTensorBoard: tensorboard --logdir={run.tensorboard}")
    for saved_model in saved_models:
        print(f"Sparse generator: {saved_model}")
