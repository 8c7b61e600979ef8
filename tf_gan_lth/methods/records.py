"""What a training leaves beside its weights: its sparsity and cost, and how it was trained."""

import numpy as np
import tf_keras as keras

from tf_gan_lth import gans
from tf_gan_lth.methods.bench import Bench
from tf_gan_lth.pruning.channel_masks import Channels
from tf_gan_lth.pruning.cost import cost
from tf_gan_lth.pruning.masks import Elements, Mask, sparsity_report
from tf_gan_lth.pruning.wrapping import masks_of
from tf_gan_lth.training import Kept


def sparsity_record(bench: Bench, kept: Kept) -> dict[str, object]:
    """What `sparsity.json` says of every network, pruned or not: see `network_record`.

    Beside it, of a generator, the name of the discriminator that judges it.
    """
    found = {}
    masks = bench.read_masks(kept)
    for name, network in bench.trainer.networks.items():
        judge = bench.gan.spec.networks[name].judge
        record = network_record(network, masks.get(name))
        found[name] = record | ({"judge": judge} if judge else {})
    return found


def network_record(network: keras.Model, mask: Mask | None) -> dict[str, object]:
    """Sparsity of a wrapped network over its prunable units, and beside it what it costs.

    Args:
      network: wrapped for pruning.
      mask: None keeps every prunable weight.

    Returns:
      `sparsity_report`; `channels`, {group: a `1` for each channel that stays and a `0` for each
      other}, of a mask of channels; `dense_kernels`, {path: number of weights} of what is never
      pruned; `parameters`, `parameters_left`, `macs` and `macs_left`: see `pruning.cost.Cost`.
    """
    if mask is None:
        mask = Elements(
            {p: np.ones(kernel.shape, bool) for p, (kernel, _) in masks_of(network).items()}
        )
    kept = mask.expand()
    sizes = {path: int(np.prod(v.shape)) for path, v in gans.variables(network).items()}
    dense = {p: n for p, n in sizes.items() if p.endswith("/kernel") and p not in kept}
    found = cost(network, kept)
    channels = {}
    if isinstance(mask, Channels):
        bits = {name: "".join("01"[int(stays)] for stays in own) for name, own in mask.kept.items()}
        channels = {"channels": bits}
    return {
        **sparsity_report(mask),
        **channels,
        "dense_kernels": dense,
        "parameters": found.parameters,
        "parameters_left": found.parameters_left,
        "macs": found.macs,
        "macs_left": found.macs_left,
    }


def training_record(
    bench: Bench, first_step: int, seconds: float | None = None
) -> dict[str, object]:
    """What `training.json` says; the seconds are null if the record was lost and made again."""
    steps = bench.trainer.config.steps - first_step
    taken = seconds and round(seconds, 3)
    return {"steps": steps, "seed": bench.config.seed, "train_seconds": taken}
