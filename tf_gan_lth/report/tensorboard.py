"""Results and samples by round for TensorBoard, beside the curves that every training writes.

The config is there too, as text and as hyperparameters, by which runs are sorted beside their FID.
"""

import contextlib

import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams

from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment import paths
from tf_gan_lth.experiment.replicate_folder import TrainingFolder, generator_label
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.findings.columns import SCORE, columns
from tf_gan_lth.findings.results import Result, read_results, scored_folders


def write(run: RunFolder) -> None:
    """Writes `tensorboard/replicate_<r>/rounds/<branch>` anew; the step is the round."""
    # Group the results by training, and the trainings by curve.
    results: dict[tuple, list[Result]] = {}
    for result in read_results(run):
        results.setdefault((result.replicate, result.round, result.branch), []).append(result)
    by_curve: dict[str, list[TrainingFolder]] = {}
    for folder in scored_folders(run):
        curve = f"replicate_{folder.replicate}/rounds/{folder.branch_name}"
        by_curve.setdefault(curve, []).append(folder)

    # Replace the log of each curve.
    used = _used(run)
    for curve, folders in by_curve.items():
        log_dir = run.tensorboard / curve
        with contextlib.suppress(OSError):  # TensorBoard may be reading it
            paths.remove(log_dir)
        with tf.summary.create_file_writer(str(log_dir)).as_default():
            _log_config(run, curve, folders[0].branch_name, used)
            for folder in folders:
                key = (folder.replicate, folder.round_number, folder.branch_name)
                _log(folder, results[key])


def _used(run: RunFolder) -> dict[str, object]:
    """Every option of a run, as it was resolved where that is known."""
    record = run.config.get()
    used = {n: v for n, v in record.get("used", {}).items() if not n.startswith("network.")}
    return record["options"] | used


def _log_config(run: RunFolder, curve: str, branch: str, used: dict[str, object]) -> None:
    """Writes the options as a table, and as hyperparameters of a trial whose metrics are scores."""
    rows = [f"| {configs.as_flag(name)} | `{value}` |" for name, value in sorted(used.items())]
    tf.summary.text("config", "\n".join(["| option | value |", "| --- | --- |", *rows]), 0)
    names = sorted({r.generator for r in read_results(run)})
    groups = ["_".join(filter(None, [SCORE, generator_label(name)])) for name in names]
    metrics = [hparams.Metric(f"{g}/fid", display_name=f"FID, last round ({g})") for g in groups]
    hparams.hparams_config(hparams=[], metrics=metrics)
    plain = {
        name: value if isinstance(value, bool | int | float | str) else str(value)
        for name, value in used.items()
    }
    hparams.hparams({**plain, "branch": branch}, trial_id=f"{run.path.name}/{curve}")


def _log(folder: TrainingFolder, results: list[Result]) -> None:
    """Writes scores, sparsities and samples of a training."""
    step = folder.round_number
    for result in results:
        for column in columns(results):
            value = column.read(result)
            if column.group and value is not None:
                group = "_".join(filter(None, [column.group, generator_label(result.generator)]))
                tf.summary.scalar(f"{group}/{column.name}", value, step)
    for network, report in folder.sparsity.get().items():
        tf.summary.scalar(f"sparsity/{network}", report["sparsity"], step)
        for layer, counts in report["layers"].items():
            pruned = 1.0 - counts["remaining"] / counts["total"]
            tf.summary.scalar(f"sparsity_{network}/{layer}", pruned, step)
    tf.summary.image("samples", tf.io.decode_png(folder.samples.get())[None], step)
