"""FID along each training, where a run was scored within its trainings."""

import numpy as np

from tf_gan_lth.experiment.replicate_folder import TrainingFolder, generator_label
from tf_gan_lth.findings.results import by_generator
from tf_gan_lth.report.losses import Curves


def read(folder: TrainingFolder) -> Curves:
    """FID by step, of each generator, up to the last step; empty if there is none within.

    Returns:
      {"FID", or "FID a2b" of a direction: (steps, values)}, two arrays; steps are ascending.
    """
    curve = folder.score_curve.get() if folder.score_curve.exists() else {"points": []}
    points = curve["points"]
    if not points:
        return {}
    curves = {}
    for name, record in by_generator(folder.scores.get()).items():
        found = {point["step"]: point["scores"][name]["fid"] for point in points}
        found[curve["steps"]] = record["fid"]
        curves[label(name)] = (np.array(list(found)), np.array(list(found.values())))
    return curves


def label(generator: str) -> str:
    """What the curve of a generator is called."""
    return " ".join(filter(None, ["FID", generator_label(generator)]))
