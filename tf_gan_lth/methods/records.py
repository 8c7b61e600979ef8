"""What a training leaves beside its weights: its sparsity and cost, and how it was trained."""

from collections.abc import Collection

import numpy as np
import tf_keras as keras

from tf_gan_lth import gans
from tf_gan_lth.methods.bench import Bench
from tf_gan_lth.methods.candidate import Candidate, Masks
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
    bench: Bench, candidate: Candidate, seconds: float | None = None
) -> dict[str, object]:
    """What `training.json` says; the seconds are null if the record was lost and made again.

    Beside steps and seconds the multiply-accumulates of the networks' passes, null for a training
    step that does not tell them; and likewise, by name, the phases that were trained before it.
    """
    stop = bench.trainer.config.steps if candidate.stop is None else candidate.stop
    steps = stop - candidate.first_step
    taken = seconds and round(seconds, 3)
    each = step_macs(bench, candidate.masks, candidate.teachers)
    record = {
        "steps": steps,
        "seed": bench.config.seed,
        "train_seconds": taken,
        "macs": each and each * steps,
    }
    phases = {folder.branch_name: folder.training.get() for folder in candidate.phases}
    return {**record, "phases": phases} if phases else record


def step_macs(bench: Bench, masks: Masks, teachers: Collection[str] = ()) -> int | None:
    """The multiply-accumulates that a training step's passes take; None if the step is not known.

    Pruned channels count nothing, whether or not a training makes them; pruned single weights count
    as others do, as they are multiplied too. Every term's teachers count, and beside these no
    term's own passes.
    """
    passes = bench.trainer.model.passes()
    if not passes:
        return None
    total = 0
    for name, network in bench.gan.networks.items():
        mask = masks.get(name)
        found = cost(network, mask.expand() if isinstance(mask, Channels) else None)
        total += passes[name].images * found.macs_left
        if name in teachers:
            total += passes[name].own * found.macs
    return total
