"""The ticket that a transfer trains: read from a finished run and checked against networks."""

import dataclasses
import json

from tf_gan_lth.experiment import digests
from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.config import LotteryConfig
from tf_gan_lth.experiment.errors import MaskError, UsageError, check_known
from tf_gan_lth.experiment.run_folder import find_training
from tf_gan_lth.training import Kept, Weights
from tf_gan_lth.training.model import STATIC

WEIGHTS = ("rewind", "fresh", "trained", "trained_generator", "trained_discriminator")
Shapes = dict[str, tuple[int, ...]]


@dataclasses.dataclass(frozen=True)
class Parent:
    """A ticket to transfer.

    Attributes:
      round_number: number of the round that found it.
      kept: its expanded masks, as training left them.
      weights: weights that its rounds rewind to; None if fresh ones are asked for.
      trained: what its training ended with; empty unless the ticket is to start from some of it.
      lottery: of its run: what is a unit, and what is left whole, are the ticket's.
      record: where the ticket comes from, as the new run records it; `digest` is a digest of masks
        and weights.
    """

    round_number: int
    kept: Kept
    weights: Weights | None
    lottery: LotteryConfig
    record: dict[str, object]
    trained: Weights = dataclasses.field(default_factory=dict)

    @property
    def digest(self) -> str:
        return self.record["digest"]

    def check_fits(self, variables: dict[str, Shapes], pruned: dict[str, list[str]]) -> None:
        """Checks that networks have the ticket's variables and its prunable kernels.

        Args:
          variables: {network: {variable path: shape}}.
          pruned: {network: paths of the kernels that are pruned}.

        Raises:
          MaskError: a path or shape differs.
        """
        for name, mask in self.kept.items():
            _check_shapes(name, mask, {path: variables[name][path] for path in pruned[name]})
        for weights in (self.weights or {}, self.trained):
            for name, snapshot in weights.items():
                if name in variables:  # the averages have the generator's shapes
                    _check_shapes(name, snapshot, variables[name])


def _check_shapes(name: str, arrays: Arrays, shapes: Shapes) -> None:
    odd = sorted(arrays.keys() ^ shapes.keys())
    if odd:
        raise MaskError(
            f"the ticket is of another {name}: only one of the two has {odd[0]}; give its --gan and"
            " --resolution"
        )
    for path, array in arrays.items():
        if array.shape != shapes[path]:
            raise MaskError(
                f"the ticket is of another {name}: {path} is {array.shape} there and {shapes[path]}"
                " here; --resolution, --width, --discriminator_width and the channels of the"
                " images must be its own"
            )


def open_ticket(path: str, weights: str) -> Parent:
    """Reads a ticket from a finished run.

    Args:
      path: path of the round, such as `RUN/replicate_0/round_05`.
      weights: `rewind` to start from the weights that its rounds rewind to, `fresh` for new ones;
        `trained` from what its training ended with, `trained_generator` or `trained_discriminator`
        for that of one player alone.

    Raises:
      UsageError: the path is not a pruned round of a run, or its masks are not final.
      ArtifactError: its files are missing or broken.
    """
    # Find the round.
    check_known("value of --weights", weights, WEIGHTS)
    run, place = find_training(path)
    if place.branch_name != "main" or not place.round_number:
        raise UsageError(
            f"--ticket={path} is not a ticket: give a pruned round, such as"
            " RUN/replicate_0/round_05"
        )

    # Read its masks and weights.
    config = run.read_config()
    if config.training.mask_update != STATIC and not place.trained_masks.exists():
        raise UsageError(
            f"--ticket={path} is not trained: --mask_update={config.training.mask_update} changes"
            " its masks until it is"
        )
    replicate = run.replicate(place.replicate)
    start = replicate.rewind if config.lottery.rewind_step else replicate.initial
    masks = place.final_masks.get()
    theta = None if weights == "fresh" else start.get()
    trained = place.weights.get() if weights.startswith("trained") else {}
    record = {
        "digest": _digest(masks, theta or {}, {f"{weights}/{n}": a for n, a in trained.items()}),
        "run": str(run.path),
        "run_digest": config.digest,
        "dataset": config.data.dataset,
        "replicate": place.replicate,
        "round": place.round_number,
        "rewind_step": config.lottery.rewind_step,
        "weights": weights,
    }
    return Parent(place.round_number, masks, theta, config.lottery, record, trained)


def _digest(*kinds: Kept | Weights) -> str:
    """A digest of every value and its name, 16 hex digits."""
    parts = []
    for kind in kinds:
        for name, arrays in sorted(kind.items()):
            for path, array in sorted(arrays.items()):
                parts += [json.dumps([name, path, array.shape, str(array.dtype)]), array]
    return digests.short(*parts)
