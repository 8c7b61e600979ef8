"""Finetuning: the pruned network keeps its trained weights."""

from tf_gan_lth.experiment.replicate_folder import TrainingFolder
from tf_gan_lth.methods.bench import Bench
from tf_gan_lth.methods.candidate import Candidate
from tf_gan_lth.methods.compressor import Compressor, masks_by_criterion
from tf_gan_lth.methods.method import METHODS
from tf_gan_lth.methods.starts import dense_teachers


@METHODS.register(name="finetuning")
class Finetuning(Compressor):
    """What tickets are usually compared with (Han et al. 2015).

    The discriminators, and the averages of what stays of the generators, are the trained ones too.
    """

    name = "finetuning"
    discriminator_start = "dense"

    def compressed(self, bench: Bench, here: TrainingFolder, budget: float) -> Candidate:
        trained = here.of_replicate.round(0).weights.get()
        masks = masks_by_criterion(bench, here, budget)
        return Candidate(here, trained, masks, teachers=dense_teachers(bench, here))
