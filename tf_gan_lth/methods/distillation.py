"""Distillation: a narrower student learns the dense generator's images."""

import dataclasses

from tf_gan_lth.experiment.config import option
from tf_gan_lth.experiment.replicate_folder import TrainingFolder
from tf_gan_lth.methods.bench import Bench
from tf_gan_lth.methods.candidate import Candidate
from tf_gan_lth.methods.compressor import TAUGHT, Compressor, masks_by_criterion
from tf_gan_lth.methods.method import METHODS
from tf_gan_lth.methods.starts import dense_teachers, replaced, with_discriminators


@dataclasses.dataclass(frozen=True)
class Options:
    """Compression"""

    student: str = option(
        "largest",
        "what the student starts as: largest, the teacher's highest-ranked channels with their"
        " trained weights; or fresh, weights of its own",
        choices=("largest", "fresh"),
    )


@METHODS.register(name="distillation")
class Distillation(Compressor):
    """A student of the same share of channels in every layer (Li et al. 2020, pre-distillation).

    It learns beside the adversarial loss.
    """

    name = "distillation"
    terms = TAUGHT
    Options = Options

    def compressed(self, bench: Bench, here: TrainingFolder, budget: float) -> Candidate:
        masks = masks_by_criterion(bench, here, budget, layerwise=True)
        if bench.options(Options).student == "fresh":
            # Drawn for the whole network, as those of `random_init` are.
            student = bench.fresh_weights(here.replicate, "round", here.round_number, "student")
        else:
            student = here.of_replicate.round(0).weights.get()
        weights = replaced(here.of_replicate.initial.get(), student, list(masks))
        start = bench.config.lottery.discriminator_start
        weights = with_discriminators(bench, start, here, weights)
        return Candidate(here, weights, masks, teachers=dense_teachers(bench, here))
