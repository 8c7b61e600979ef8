"""Co-evolution: channels that an evolutionary search finds, with the trained weights finetuned."""

import dataclasses
from collections.abc import Iterator

from tf_gan_lth.experiment.config import Config, LotteryConfig, option
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.experiment.replicate_folder import TrainingFolder
from tf_gan_lth.gans import GANSpec
from tf_gan_lth.methods.bench import Bench
from tf_gan_lth.methods.candidate import Candidate
from tf_gan_lth.methods.compressor import Compressor
from tf_gan_lth.methods.method import METHODS
from tf_gan_lth.methods.search import Search, planned
from tf_gan_lth.methods.starts import dense_teachers
from tf_gan_lth.training.image_to_image import DIRECTIONS


@dataclasses.dataclass(frozen=True)
class Options:
    """Compression"""

    search_share: float = option(
        0.25,
        "share of the steps that the search may take, counted by its MACs; the smaller network has"
        " the others",
        low=0.0,
        high=1.0,
    )
    population: int = option(32, "individuals of a generation of the search, at most", low=2)
    generations: int = option(50, "generations of the search, at most", low=1)


@METHODS.register(name="coevolution")
class Coevolution(Compressor):
    """Every budget has a search for its channels, then its steps of finetuning.

    The generators of both directions of a translation evolve against each other; one that draws
    images evolves alone.

    Source: Shu et al. 2019. Here every individual has the channels that its budget allows.
    """

    name = "coevolution"
    discriminator_start = "dense"
    Options = Options

    def compressed(self, bench: Bench, here: TrainingFolder, budget: float) -> Candidate:
        plan = planned(bench, bench.options(Options), budget)
        search = Search(bench, here, budget, plan)
        masks = bench.masks_or(here, search.found)
        search.finish()
        trained = here.of_replicate.round(0).weights.get()
        teachers = dense_teachers(bench, here)
        return Candidate(
            here, trained, masks, plan.steps, teachers=teachers, phases=(search.folder,)
        )

    def complaints(self, config: Config, gan: GANSpec) -> Iterator[str]:
        yield from super().complaints(config, gan)
        usual = LotteryConfig()
        for name in ("criterion", "ranking", "ranking_weights"):
            if (asked := getattr(config.lottery, name)) != getattr(usual, name):
                yield f"--{name}={asked}: --method={self.name} searches for channels, ranking none"

    def check_networks(self, bench: Bench) -> None:
        super().check_networks(bench)
        names = bench.full_masks.keys()
        if not bench.gan.prior and names != DIRECTIONS.keys():
            raise UsageError(
                f"--method={self.name} sets both directions of a translation against each other,"
                f" and {bench.gan.spec.name} has {', '.join(names)}"
            )
        for budget in bench.config.lottery.budgets:
            planned(bench, bench.options(Options), budget)
