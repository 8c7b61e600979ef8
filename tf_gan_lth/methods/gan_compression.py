"""GAN Compression: a supernet that is trained once for all budgets, a search, then finetuning."""

import dataclasses
from collections.abc import Iterator

from tf_gan_lth.experiment.config import Config, LotteryConfig, option, read_extras
from tf_gan_lth.experiment.replicate_folder import TrainingFolder
from tf_gan_lth.gans import GANSpec
from tf_gan_lth.methods.bench import Bench
from tf_gan_lth.methods.candidate import Candidate
from tf_gan_lth.methods.compressor import TAUGHT, Compressor, steps_of_first_phase
from tf_gan_lth.methods.criteria import CRITERIA, Scores
from tf_gan_lth.methods.loop import train
from tf_gan_lth.methods.method import METHODS
from tf_gan_lth.methods.starts import dense_teachers, replaced
from tf_gan_lth.methods.width_search import Search, Supernets, planned
from tf_gan_lth.pruning.supernets import Supernet
from tf_gan_lth.training.terms import FEATURES


@dataclasses.dataclass(frozen=True)
class Options:
    """Compression"""

    student: str = option(
        "largest",
        "what the student starts as: largest, the teacher's highest-ranked channels with their"
        " trained weights; or fresh, weights of its own",
        choices=("largest", "fresh"),
    )
    widths: tuple[float, ...] = option(
        (1.0, 0.75, 0.5, 0.25, 0.125, 0.0625),
        "shares of a layer's channels, of which each step of gan_compression's supernet draws one"
        " for every layer",
        low=0.0,
        high=1.0,
    )
    supernet_share: float = option(
        0.5,
        "share of the steps that gan_compression trains its supernet for; the search and the"
        " smaller network have the others",
        low=0.0,
        high=1.0,
    )
    search_share: float = option(
        0.1,
        "share of the steps that the search may take, counted by its MACs; the smaller network has"
        " the others",
        low=0.0,
        high=1.0,
    )
    population: int = option(32, "individuals of a generation of the search, at most", low=2)
    generations: int = option(50, "generations of the search, at most", low=1)


@METHODS.register(name="gan_compression")
class GANCompression(Compressor):
    """The dense generator becomes a supernet of which each step trains another configuration.

    A configuration keeps the first channels of every layer, the teacher's most important ones in
    front. Each budget has a search for the configuration that it is then finetuned in.

    Source: Li et al. 2020. Here the student has the dense generator's architecture, the GAN's own
    loss stays whole, and what is searched is judged by its distance from the teacher's images.
    """

    name = "gan_compression"
    terms = {**TAUGHT, FEATURES: 0.01}
    discriminator_start = "dense"
    draws_configurations = True
    Options = Options

    def compressed(self, bench: Bench, here: TrainingFolder, budget: float) -> Candidate:
        options = bench.options(Options)
        first = steps_of_first_phase(bench, options, "supernet_share")
        dense, teachers = here.of_replicate.round(0), dense_teachers(bench, here)
        weights, scores = dense.weights.get(), None
        if options.student == "fresh":
            fresh = bench.fresh_weights(here.replicate, "student")
            weights = replaced(weights, fresh, list(bench.full_masks))
        else:
            scores = CRITERIA[bench.config.lottery.criterion](bench, dense)
        supernets, folder = supernets_of(bench, scores), dense.phase("supernet")
        supernet = Candidate(folder, weights, bench.full_masks, stop=first, teachers=teachers)
        trained = train(bench, dataclasses.replace(supernet, supernets=supernets))
        plan = planned(bench, options, supernets, budget, first)
        search = Search(bench, here, budget, plan, supernets, trained)
        masks = bench.masks_or(here, search.found)
        search.finish()
        phases = (folder, search.folder)
        return Candidate(here, trained, masks, first + plan.steps, teachers=teachers, phases=phases)

    def complaints(self, config: Config, gan: GANSpec) -> Iterator[str]:
        yield from super().complaints(config, gan)
        usual = LotteryConfig()
        if (asked := config.lottery.ranking) != usual.ranking:
            yield f"--ranking={asked}: --method={self.name} ranks channels within each layer"
        options = read_extras(Options, config.extras)
        if not options.widths or 0.0 in options.widths:
            shown = ",".join(map(str, options.widths))
            yield f"--widths={shown}: expected shares above 0, such as 1,0.5,0.25"
        if options.student == "fresh" and config.lottery.criterion != usual.criterion:
            yield (
                f"--criterion={config.lottery.criterion}: --student=fresh leaves channels in their"
                " order, ranking none"
            )

    def check_networks(self, bench: Bench) -> None:
        super().check_networks(bench)
        options = bench.options(Options)
        first = steps_of_first_phase(bench, options, "supernet_share")
        for budget in bench.config.lottery.budgets:
            planned(bench, options, supernets_of(bench), budget, first)


def supernets_of(bench: Bench, scores: Scores | None = None) -> Supernets:
    """The configurations of each generator; without scores, of channels in their own order."""
    shares = bench.options(Options).widths
    return {
        name: Supernet.of(full, shares, full.pool(scores[name]) if scores else None)
        for name, full in bench.full_masks.items()
    }
