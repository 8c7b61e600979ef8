"""Transfer: a ticket that was found on one data set or with one loss, trained on another."""

import dataclasses
import json
from collections.abc import Callable

from tf_gan_lth.experiment import digests
from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.errors import MaskError, UsageError
from tf_gan_lth.experiment.run_folder import Place
from tf_gan_lth.lottery.branches import Ticket
from tf_gan_lth.lottery.image_sources import find_place
from tf_gan_lth.lottery.laboratory import Laboratory
from tf_gan_lth.lottery.ticket import play
from tf_gan_lth.training import Masks, Weights

WEIGHTS = ("rewind", "fresh")


@dataclasses.dataclass(frozen=True)
class Parent:
    """A ticket to transfer.

    Attributes:
      round_number: the round that found it.
      masks: its masks.
      weights: the weights that its rounds rewind to; None if fresh ones are asked for.
      exclude: the layers that its run left dense.
      record: what the new run keeps of where it comes from; `digest` is of masks and weights.
    """

    round_number: int
    masks: Masks
    weights: Weights | None
    exclude: tuple[str, ...]
    record: dict[str, object]

    @property
    def digest(self) -> str:
        return self.record["digest"]

    def check_fits(self, networks: dict[str, dict[str, tuple[int, ...]]]) -> None:
        """Raises `MaskError` unless networks have the variables of this ticket: {network: {variable path: shape}}."""
        for name, arrays in {**self.masks, **(self.weights or {})}.items():
            if name not in networks:
                continue  # averages: of the generator's shapes
            _check_shapes(name, arrays, networks[name], whole=self.weights is not None and arrays is self.weights[name])


def _check_shapes(name: str, arrays: Arrays, shapes: dict[str, tuple[int, ...]], whole: bool) -> None:
    odd = sorted(arrays.keys() ^ shapes.keys() if whole else arrays.keys() - shapes.keys())
    if odd:
        raise MaskError(f"the ticket is of another {name}: only one of the two has {odd[0]}; give its --gan and --resolution")
    for path, array in arrays.items():
        if array.shape != shapes[path]:
            raise MaskError(
                f"the ticket is of another {name}: {path} is {array.shape} there and {shapes[path]} here; "
                "--resolution, --width, --discriminator_width and the channels of the images must be its own"
            )


def open_ticket(path: str, weights: str) -> Parent:
    """Reads a ticket from a finished run.

    Args:
      path: `RUN/replicate_0/round_05`.
      weights: `rewind` to start from the weights that its rounds rewind to, `fresh` for new ones.

    Raises:
      UsageError: it is no pruned round of a run.
      ArtifactError: its files are missing or broken.
    """
    run, place = find_place(path)
    if place.branch_name != "main" or not place.round_number:
        raise UsageError(f"--ticket={path} is not a ticket: give a pruned round, such as RUN/replicate_0/round_05")
    config, replicate = run.read_config(), run.replicate(place.replicate)
    start = replicate.rewind if config.lottery.rewind_step else replicate.initial
    masks, theta = place.masks.get(), start.get() if weights == "rewind" else None
    record = {
        "digest": _digest(masks, theta or {}),
        "run": str(run.path),
        "run_digest": config.digest,
        "dataset": config.data.dataset,
        "replicate": place.replicate,
        "round": place.round_number,
        "rewind_step": config.lottery.rewind_step,
        "weights": weights,
    }
    return Parent(place.round_number, masks, theta, config.lottery.exclude, record)


def _digest(masks: Masks, weights: Weights) -> str:
    """Of every value and its name, 16 hex digits."""
    parts = []
    for kind in (masks, weights):
        for name, arrays in sorted(kind.items()):
            for path, array in sorted(arrays.items()):
                parts += [json.dumps([name, path, array.shape, str(array.dtype)]), array]
    return digests.short(*parts)


def config_of(config: Config, parent: Parent) -> Config:
    """The config of the run that trains a ticket: its rounds are the dense GAN and that of the ticket."""
    lottery = dataclasses.replace(
        config.lottery,
        parent=parent.digest,
        prune=tuple(name for name in ("generator", "discriminator") if name in parent.masks),
        exclude=parent.exclude,
        rounds=parent.round_number,
        branch_rounds=(parent.round_number,),
    )
    for name, kept in [("rewind_step", 0), ("criterion", "magnitude")]:
        if getattr(lottery, name) != kept:
            raise UsageError(f"--{name}={getattr(lottery, name)} is for finding tickets: a transfer prunes and rewinds nothing")
    if "standard" in lottery.branches:
        raise UsageError("--branches=standard goes on from the round before, which a transfer does not train")
    return dataclasses.replace(config, lottery=lottery)


def transfer(lab: Laboratory, parent: Parent, replicate: int, after_training: Callable[[Place], None]) -> None:
    """Trains the dense GAN and the ticket, from the same weights, and the ticket's controls; scores all of them.

    Replicates share the ticket; they differ in the order of the data, the latents and, if those are fresh, the weights.

    Args:
      lab: data, networks and run folder, made for `config_of` and the parent.
      parent: the ticket.
      replicate: which repetition.
      after_training: called with the place of each training once its scores are there.
    """
    place = lab.run.replicate(replicate)
    initial = (
        place.initial.get_or(lab.fresh_weights, replicate) if parent.weights is None else place.initial.get_or(dict, parent.weights)
    )
    lab.check_protocol(place.untrained_scores.get_or(lab.score, initial, replicate))
    for here, masks in [(place.round(0), lab.full_masks(initial)), (place.round(parent.round_number), parent.masks)]:
        weights = lab.with_discriminator(lab.config.lottery.discriminator_start, here, initial)
        ticket = Ticket(here, weights, here.masks.get_or(dict, masks))
        play(lab, ticket, after_training)
