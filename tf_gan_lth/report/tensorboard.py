"""Scores, sparsity and samples by round for TensorBoard, beside the curves that each training
writes itself.
"""

import contextlib

import tensorflow as tf

from tf_gan_lth.evaluation import SCORES
from tf_gan_lth.experiment import paths
from tf_gan_lth.experiment.run_folder import Place, RunFolder
from tf_gan_lth.findings.results import TRUTH, by_generator, direction_of, scored_places


def write(run: RunFolder) -> None:
    """Writes `tensorboard/replicate_<r>/rounds/<branch>` anew; the step is the round."""
    by_folder: dict[str, list[Place]] = {}
    for place in scored_places(run):
        by_folder.setdefault(f"replicate_{place.replicate}/rounds/{place.branch_name}", []).append(
            place
        )
    for folder, places in by_folder.items():
        log_dir = run.tensorboard / folder
        with contextlib.suppress(OSError):  # TensorBoard may be reading it
            paths.remove(log_dir)
        with tf.summary.create_file_writer(str(log_dir)).as_default():
            for place in places:
                _log(place)


def _log(place: Place) -> None:
    step, sparsity = place.round_number, place.sparsity.get()
    for generator, scores in by_generator(place.scores.get()).items():
        tag = "_".join(["scores", direction_of(generator)]).rstrip("_")
        for name in (*SCORES, *TRUTH):
            if scores.get(name) is not None:
                tf.summary.scalar(f"{tag}/{name}", scores[name], step)
    for network, report in sparsity.items():
        tf.summary.scalar(f"sparsity/{network}", report["sparsity"], step)
        for layer, counts in report["layers"].items():
            tf.summary.scalar(
                f"sparsity_{network}/{layer}", 1.0 - counts["remaining"] / counts["total"], step
            )
    tf.summary.image("samples", tf.io.decode_png(place.samples.get())[None], step)
