"""Finished compressions that were not trained, to be compared."""

import io

import numpy as np
from PIL import Image

from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.run_folder import RunFolder

MACS = 1000
PARAMETERS = 100
IMAGES = {"name": "digits", "digest": "images"}
BUDGETS = (0.5, 0.25)
DENSE = (10.0, 11.0, 12.0)


def png() -> bytes:
    file = io.BytesIO()
    Image.new("L", (4, 4)).save(file, "PNG")
    return file.getvalue()


def compression(
    path, method, fids, digest="dense", images=IMAGES, gans=(1, 2, 3), unit="channel", **more
):
    """A run of three replicates.

    Args:
      path: of the run.
      method: its compressor.
      fids: {budget: a FID of each replicate}.
      digest: of the dense GAN; None for a run that was given none.
      images: their record.
      gans: the trained weight of the dense GAN of each replicate.
      unit: of what is pruned.
      **more: of `put`.
    """
    options = {
        "method": method,
        "budgets": tuple(fids),
        "unit": unit,
        "budget": "units" if unit == "element" else "macs",
        "rounds": len(fids),
        "branches": (),
        "replicates": len(DENSE),
    }
    run = RunFolder(path)
    parent = None if digest is None else {"digest": digest, "round": 0, "replicate": None}
    run.claim(configs.from_options(options), images=images, parent=parent)
    for number, budget in enumerate([1.0, *fids]):
        for replicate, fid in enumerate(fids[budget] if number else DENSE):
            share = 0.9 * budget if number else 1.0
            weight = fid if number else gans[replicate]
            put(run.replicate(replicate).round(number), fid, share, weight, **more)
    return run


def put(folder, fid, share, weight, protocol="p", phases=None, generators=("generator",), l1=()):
    """What a training leaves: everything that is made, of generators that keep `share`."""
    folder.masks.put({})
    folder.training.put(
        {"steps": 10, "seed": 0, "train_seconds": 3.0, "macs": 500}
        | ({"phases": phases} if phases and folder.round_number else {})
    )
    kernel = {"kernel": np.full([2], weight, np.float32)}
    folder.weights.put(dict.fromkeys(generators, kernel))
    counted = {
        "sparsity": 1 - share,
        "parameters": PARAMETERS,
        "parameters_left": round(PARAMETERS * share),
        "macs": MACS,
        "macs_left": round(MACS * share),
    }
    folder.sparsity.put(dict.fromkeys(generators, counted))
    folder.samples.put(png())
    scores = {"fid": fid, "kid": fid / 100, "protocol": protocol, "eval_seconds": 1.0}
    scores |= dict.fromkeys(l1, fid / 10)
    folder.scores.put(dict.fromkeys(generators, scores))
