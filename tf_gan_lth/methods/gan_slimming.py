"""GAN Slimming: distillation, adversarial loss and L1 on gammas in one loss, then finetuning."""

import dataclasses
from collections.abc import Iterator

from tf_gan_lth import gans
from tf_gan_lth.experiment.config import Config, LotteryConfig, TrainingConfig, option
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.experiment.run_folder import TrainingFolder
from tf_gan_lth.gans import GANSpec
from tf_gan_lth.methods import criteria
from tf_gan_lth.methods.bench import Bench
from tf_gan_lth.methods.candidate import Candidate, Masks
from tf_gan_lth.methods.compressor import TAUGHT, Compressor, within_budget
from tf_gan_lth.methods.loop import train
from tf_gan_lth.methods.method import METHODS
from tf_gan_lth.methods.starts import dense_teachers

L1 = "gamma_l1"


@dataclasses.dataclass(frozen=True)
class Options:
    """Compression"""

    slimming_share: float = option(
        0.5,
        "share of the steps that gan_slimming takes before it prunes; the smaller network has the"
        " others",
        low=0.0,
        high=1.0,
    )


@METHODS.register(name="gan_slimming")
class GANSlimming(Compressor):
    """The dense GAN is slimmed once, pruned to each budget by |gamma|, and finetuned.

    Adam moves a gamma by at most about the learning rate a step, so below a weight of 1 the loss
    can hold the gammas that it needs. As it is a budget that decides, they need not reach 0.

    Source: Wang et al. 2020, in 32 bits. Here teacher and student are compared by their pixels, all
    parameters have one optimizer, and discriminators go on seeing real images.
    """

    name = "gan_slimming"
    terms = {**TAUGHT, L1: 0.5}
    discriminator_start = "dense"
    # The kernel after a norm can make up for small gammas, that of the last layer most: ranked over
    # all layers, a budget leaves a single channel of it.
    ranking = "layerwise"
    Options = Options

    def compressed(self, bench: Bench, here: TrainingFolder, budget: float) -> Candidate:
        dense = here.of_replicate.round(0)
        teachers = dense_teachers(bench, here)
        first = slimming_steps(bench.options(Options), bench.trainer.config)
        slimming = Candidate(
            dense.phase("slimming"),
            dense.weights.get(),
            bench.full_masks,
            stop=first,
            teachers=teachers,
        )
        slimmed = train(bench, slimming)

        def by_gammas() -> Masks:
            return within_budget(bench, criteria.gamma_l1(bench, slimming.folder), budget)

        return Candidate(
            here,
            slimmed,
            bench.masks_or(here, by_gammas),
            first_step=first,
            teachers=teachers,
            without=(L1,),
            phases=(slimming.folder,),
        )

    def complaints(self, config: Config, gan: GANSpec) -> Iterator[str]:
        yield from super().complaints(config, gan)
        if config.lottery.criterion not in (LotteryConfig().criterion, L1):
            yield f"--criterion={config.lottery.criterion}: --method={self.name} ranks by gammas"

    def check_networks(self, bench: Bench) -> None:
        super().check_networks(bench)
        for name, mask in bench.full_masks.items():
            snapshot = gans.take_snapshot(bench.gan.networks[name])
            for group in mask.groups.prunable:
                if not group.values(snapshot, "gamma").size:
                    raise UsageError(
                        f"--method={self.name} ranks channels by the gammas of their norms, and"
                        f" those of {group.name} of the {name} have none"
                    )
        slimming_steps(bench.options(Options), bench.trainer.config)


def slimming_steps(options: Options, training: TrainingConfig) -> int:
    """The steps of the first phase, out of those of every budget.

    Raises:
      UsageError: one of the phases would have none.
    """
    first = round(options.slimming_share * training.steps)
    if not 0 < first < training.steps:
        raise UsageError(
            f"--slimming_share={options.slimming_share} leaves one of the phases of gan_slimming"
            f" none of the {training.steps} steps"
        )
    return first
