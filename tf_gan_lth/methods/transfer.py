"""Transfer: a ticket that was found on one data set or with one loss, trained on another."""

import dataclasses
from collections.abc import Iterator

from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.experiment.replicate_folder import ReplicateFolder
from tf_gan_lth.gans import GANSpec
from tf_gan_lth.gans.spec import DISCRIMINATOR, GENERATOR
from tf_gan_lth.methods.bench import Bench
from tf_gan_lth.methods.candidate import Candidate
from tf_gan_lth.methods.method import Method
from tf_gan_lth.methods.parent import Parent
from tf_gan_lth.methods.starts import dense_teachers, replaced, started, theta_0
from tf_gan_lth.training.terms import KD, asked_as

# Which players start from what the ticket's training ended with, by the value of `--weights`.
TRAINED = {
    "trained": (GENERATOR, DISCRIMINATOR),
    "trained_generator": (GENERATOR,),
    "trained_discriminator": (DISCRIMINATOR,),
}
# What says which units there are, and of what its controls keep as much: the ticket's own.
OWN = ("unit", "exclude", "prune_dense", "prune_trunk", "budget")
OF_LOTTERIES = ("method", "budgets", "rewind", "rewind_step", "criterion")


class Transfer(Method):
    """The dense GAN, and a ticket of another run, from the same weights.

    The ticket may start from what its own training made of its networks; the dense GAN does not.

    Replicates share the ticket; they differ in the order of the data, the latents and, if those are
    fresh, the weights.

    Args:
      parent: the ticket.
    """

    def __init__(self, parent: Parent):
        self.parent = parent

    def configure(self, config: Config, gan: GANSpec) -> Config:
        """The config of the run that trains the ticket: what is pruned, and when, is the ticket's.

        Raises:
          UsageError: the config says otherwise.
        """
        parent = self.parent
        absent = [name for name in parent.kept if name not in gan.networks]
        if absent:
            raise UsageError(
                f"the ticket is of another GAN: it has a {absent[0]}, and {gan.name} has"
                f" {', '.join(gan.networks)}; give its --gan"
            )
        own = {name: getattr(parent.lottery, name) for name in OWN}
        lottery = dataclasses.replace(
            config.lottery,
            parent=parent.digest,
            prune=tuple(gan.networks[name].role for name in parent.kept),
            **own,
            rounds=parent.round_number,
            branch_rounds=(parent.round_number,),
        )
        usual = type(lottery)()
        for name in OF_LOTTERIES:
            if getattr(lottery, name) != getattr(usual, name):
                raise UsageError(
                    f"--{name}={_shown(getattr(lottery, name))} is for finding tickets: a transfer"
                    " prunes and rewinds nothing"
                )
        for name in ("prune", *OWN):
            asked = getattr(config.lottery, name)
            has = getattr(lottery, name)
            if asked not in (getattr(usual, name), has):
                raise UsageError(
                    f"--{name}={_shown(asked)}, but the ticket was found with"
                    f" {_shown(has)}: leave it out"
                )
        return dataclasses.replace(config, lottery=lottery)

    def complaints(self, config: Config, gan: GANSpec) -> Iterator[str]:
        taught = asked_as(config.training, KD)
        if taught and "discriminator" not in config.lottery.prune:
            yield f"{taught} teaches a pruned discriminator, which this ticket has not"
        if "not_rewound" in config.lottery.branches:
            yield (
                "--branches=not_rewound goes on from the round before, which a transfer does not"
                " train"
            )
        lottery, asked = config.lottery, self.parent.record["weights"]
        starts = {GENERATOR: lottery.generator_start, DISCRIMINATOR: lottery.discriminator_start}
        for player in TRAINED.get(asked, ()):
            if starts[player] != "rewound":
                yield (
                    f"--weights={asked} and --{player}_start={starts[player]} are two starts of the"
                    f" {player}: leave one out"
                )

    def check_networks(self, bench: Bench) -> None:
        covered = {name: list(mask.expand()) for name, mask in bench.full_masks.items()}
        self.parent.check_fits(bench.shapes, covered)
        absent = [name for name in self._trained(bench) if name not in self.parent.trained]
        if absent:
            raise UsageError(
                f"--weights={self.parent.record['weights']}: the ticket's round has no trained"
                f" {absent[0]}"
            )

    def _trained(self, bench: Bench) -> list[str]:
        """The networks that start from what the ticket's training made of them."""
        players = TRAINED.get(self.parent.record["weights"], ())
        return [name for player in players for name in bench.gan.spec.of_player(player)]

    def rounds(self, config: Config) -> tuple[int, int]:
        return 0, self.parent.round_number

    @property
    def origin(self) -> dict[str, object]:
        return self.parent.record

    def candidates(self, bench: Bench, replicate: ReplicateFolder) -> Iterator[Candidate]:
        """Yields the dense GAN and the ticket."""
        if self.parent.weights is None:
            initial = theta_0(bench, replicate)
        else:
            initial = replicate.initial.get_or(dict, self.parent.weights)
        dense = replicate.round(0)
        here = replicate.round(self.parent.round_number)
        yield Candidate(dense, initial, bench.masks_or(dense, dict, bench.full_masks))
        masks = bench.masks_or(here, bench.read_masks, self.parent.kept)
        weights = started(bench, here, initial)
        weights = replaced(weights, self.parent.trained, self._trained(bench))
        yield Candidate(here, weights, masks, teachers=dense_teachers(bench, here))


def _shown(value: object) -> str:
    return (",".join(map(str, value)) or "none") if isinstance(value, tuple) else str(value)
