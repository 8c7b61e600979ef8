"""A candidate: what a method has trained and scored."""

import dataclasses

from tf_gan_lth.experiment.replicate_folder import TrainingFolder
from tf_gan_lth.pruning.masks import Mask, apply
from tf_gan_lth.pruning.supernets import Supernet
from tf_gan_lth.training import EMA, Kept, Weights

Masks = dict[str, Mask]  # {network: mask}, only of the networks that are pruned


@dataclasses.dataclass(frozen=True)
class Candidate:
    """Something to train and score. A ticket is one of rewind weights and masks.

    Attributes:
      folder: where its artifacts are kept.
      weights: of every network, not masked yet.
      masks: of the networks that are pruned.
      first_step: the step that training starts at: 0, or that of late rewinding.
      stop: the step before which training ends; None is the last.
      teachers: snapshots of the networks that teach in loss terms; empty for none.
      without: names of the config's loss terms that count nothing in this training.
      phases: trainings that this one goes on from, which its record counts too.
      supernets: of the networks of which each step trains another configuration.
    """

    folder: TrainingFolder
    weights: Weights
    masks: Masks
    first_step: int = 0
    stop: int | None = None
    teachers: Weights = dataclasses.field(default_factory=dict)
    without: tuple[str, ...] = ()
    phases: tuple[TrainingFolder, ...] = ()
    supernets: dict[str, Supernet] = dataclasses.field(default_factory=dict)


def expand(masks: Masks) -> Kept:
    """{network: {variable path: bools}} of masks, as a run folder and a training keep them."""
    return {name: mask.expand() for name, mask in masks.items()}


def rewind(weights: Weights, kept: Kept) -> Weights:
    """mask x theta: every variable of every network as it was, pruned weights exactly zero."""
    return {name: apply(w, kept.get(name.removesuffix(EMA), {})) for name, w in weights.items()}
