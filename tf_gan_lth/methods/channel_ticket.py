"""The channel ticket as a compressor: pruned once to a budget, and rewound to theta_0."""

from tf_gan_lth.experiment.replicate_folder import TrainingFolder
from tf_gan_lth.methods.bench import Bench
from tf_gan_lth.methods.candidate import Candidate
from tf_gan_lth.methods.compressor import TAUGHT, Compressor, masks_by_criterion
from tf_gan_lth.methods.method import METHODS
from tf_gan_lth.methods.starts import dense_teachers, with_discriminators


@METHODS.register(name="ticket")
class Ticket(Compressor):
    """The ticket alone (Chen et al. 2021), without the rounds between: every budget at once."""

    name = "ticket"

    def compressed(self, bench: Bench, here: TrainingFolder, budget: float) -> Candidate:
        initial = here.of_replicate.initial.get()
        masks = masks_by_criterion(bench, here, budget)
        start = bench.config.lottery.discriminator_start
        weights = with_discriminators(bench, start, here, initial)
        return Candidate(here, weights, masks, teachers=dense_teachers(bench, here))


@METHODS.register(name="ticket_distilled")
class DistilledTicket(Ticket):
    """The same ticket, taught by the dense generator."""

    name = "ticket_distilled"
    terms = TAUGHT
