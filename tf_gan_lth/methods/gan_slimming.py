"""GAN Slimming: distillation, adversarial loss and L1 on gammas in one loss, then finetuning."""

import dataclasses
from collections.abc import Iterator

from tf_gan_lth.experiment.config import Config, LotteryConfig, option
from tf_gan_lth.experiment.replicate_folder import TrainingFolder
from tf_gan_lth.gans import GANSpec
from tf_gan_lth.methods import criteria
from tf_gan_lth.methods.bench import Bench
from tf_gan_lth.methods.candidate import Candidate, Masks
from tf_gan_lth.methods.compressor import (
    TAUGHT,
    Compressor,
    steps_of_first_phase,
    within_budget,
)
from tf_gan_lth.methods.loop import train
from tf_gan_lth.methods.method import METHODS
from tf_gan_lth.methods.starts import dense_teachers
from tf_gan_lth.training.terms import L1


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

    A gamma that the loss does not hold loses the weight of `gamma_l1` times the sum of its learning
    rates: 0.05 x 0.03 a step. As it is a budget that decides, gammas need not reach 0.

    Source: Wang et al. 2020. Here teacher and student are compared by their pixels, discriminators
    go on seeing real images, and all parameters but gammas have the dense run's optimizer.
    """

    name = "gan_slimming"
    terms = {**TAUGHT, L1: 0.03}
    training = {"gamma_learning_rate": 0.1}
    discriminator_start = "dense"
    # The kernel after a norm can make up for small gammas, that of the last layer most: ranked over
    # all layers, a budget leaves a single channel of it.
    ranking = "layerwise"
    Options = Options

    def compressed(self, bench: Bench, here: TrainingFolder, budget: float) -> Candidate:
        dense = here.of_replicate.round(0)
        first = steps_of_first_phase(bench, bench.options(Options), "slimming_share")
        folder, teachers = dense.phase("slimming"), dense_teachers(bench, here)
        slimming = Candidate(
            folder, dense.weights.get(), bench.full_masks, stop=first, teachers=teachers
        )
        slimmed = train(bench, slimming)

        def by_gammas() -> Masks:
            return within_budget(bench, criteria.gamma_l1(bench, folder), budget)

        masks = bench.masks_or(here, by_gammas)
        return Candidate(
            here, slimmed, masks, first, teachers=teachers, without=(L1,), phases=(folder,)
        )

    def complaints(self, config: Config, gan: GANSpec) -> Iterator[str]:
        yield from super().complaints(config, gan)
        if config.lottery.criterion not in (LotteryConfig().criterion, L1):
            yield f"--criterion={config.lottery.criterion}: --method={self.name} ranks by gammas"

    def check_networks(self, bench: Bench) -> None:
        super().check_networks(bench)
        criteria.check_gammas(bench, f"--method={self.name}")
        steps_of_first_phase(bench, bench.options(Options), "slimming_share")
