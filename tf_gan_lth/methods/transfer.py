"""Transfer: a ticket that was found on one data set or with one loss, trained on another."""

import dataclasses
from collections.abc import Iterator

from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.experiment.run_folder import ReplicateFolder
from tf_gan_lth.gans import GANSpec
from tf_gan_lth.methods.bench import Bench
from tf_gan_lth.methods.candidate import Candidate
from tf_gan_lth.methods.method import Method
from tf_gan_lth.methods.parent import Parent
from tf_gan_lth.methods.starts import dense_teachers, theta_0, with_discriminators
from tf_gan_lth.training.terms import KD, asked_as


class Transfer(Method):
    """The dense GAN, and a ticket of another run, from the same weights.

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
        lottery = dataclasses.replace(
            config.lottery,
            parent=parent.digest,
            prune=tuple(gan.networks[n].role for n in parent.kept if n in gan.networks),
            exclude=parent.exclude,
            rounds=parent.round_number,
            branch_rounds=(parent.round_number,),
        )
        usual = type(lottery)()
        for name in ("rewind", "rewind_step", "criterion"):
            if getattr(lottery, name) != getattr(usual, name):
                raise UsageError(
                    f"--{name}={getattr(lottery, name)} is for finding tickets: a transfer prunes"
                    " and rewinds nothing"
                )
        for name in ("prune", "exclude"):
            asked = getattr(config.lottery, name)
            has = getattr(lottery, name)
            if asked not in (getattr(usual, name), has):
                raise UsageError(
                    f"--{name}={','.join(asked)}, but the ticket was found with"
                    f" {','.join(has) or 'none'}: leave it out"
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

    def check_networks(self, bench: Bench) -> None:
        covered = {name: list(mask.expand()) for name, mask in bench.full_masks.items()}
        self.parent.check_fits(bench.shapes, covered)

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
        weights = with_discriminators(
            bench, bench.config.lottery.discriminator_start, here, initial
        )
        yield Candidate(here, weights, masks, teachers=dense_teachers(bench, here))
