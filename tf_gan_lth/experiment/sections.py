"""The options that every experiment has: a frozen dataclass per concern, with help on each field.

Fields that only extend a run (rounds, replicates, branches) are no part of what tells experiments
apart: see `config`.
"""

import dataclasses

from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.experiment.option_values import option

CROPS = ("none", "center")  # of pictures that are not square
LABELS = ("uniform", "data")  # how those of a conditional GAN's images are drawn for a score
# Branches that go on from what they became in the round before, so that they need every round.
LEADING = ("random_ticket",)


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """Data"""

    dataset: str = option(
        "digits",
        "name of the data set, tfds:NAME, folder:PATH or npz:PATH: see docs/data.md",
    )
    resolution: int = option(32, "height and width that images are resized to, in pixels", low=8)
    crop: str = option(
        "none",
        "center takes the middle square of what is not square; none squashes it",
        choices=CROPS,
    )
    data_dir: str | None = option(
        None, "folder of prepared TFDS data sets; unset: TFDS's own", extends=True
    )


@dataclasses.dataclass(frozen=True)
class NetworkConfig:
    """Networks"""

    gan: str = option(
        "sngan", "name of the GAN; of one's own, my_gan.py:NAME or package.module:NAME"
    )
    plugins: tuple[str, ...] = option(
        (),
        "Python files of one's own that register feature networks, criteria, losses and the like",
        extends=True,
    )
    fused_convolutions: bool = option(
        True, "compute some convolutions in another form, which is the same function in less time"
    )
    bits: int = option(
        32,
        "of the kernels and maps of compressed generators: 8 trains them quantised, with gradients"
        " straight through",
    )

    def __post_init__(self):
        if self.bits not in (8, 32):
            raise UsageError(f"--bits={self.bits}: expected 8 or 32")


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """Training"""

    steps: int | None = option(None, "generator steps a round; unset: the GAN's own", low=1)
    discriminator_steps: int | None = option(
        None, "discriminator steps a generator step; unset: the GAN's own", low=1
    )
    generator_batch_size: int | None = option(
        None, "images a generator step, over all devices; unset: the GAN's own", low=1
    )
    discriminator_batch_size: int | None = option(
        None, "real images a discriminator step, likewise; unset: the GAN's own", low=1
    )
    learning_rate: float | None = option(
        None, "Adam's learning rate of all networks; unset: the GAN's own", low=0.0
    )
    discriminator_learning_rate: float | None = option(
        None, "that of the discriminators alone (TTUR); unset: that of all networks", low=0.0
    )
    gamma_learning_rate: float | None = option(
        None,
        "learning rate of the generators' gammas while --terms=gamma_l1 counts: SGD's, with"
        " momentum 0.5, falling to 0 along half a cosine; unset: Adam's, as of all parameters",
        low=0.0,
    )
    decay_from: float | None = option(
        None,
        "share of the steps after which the learning rate falls linearly to 0; 1: never; unset: the"
        " GAN's own",
        low=0.0,
        high=1.0,
    )
    loss: str | None = option(None, "adversarial loss by name; unset: the GAN's own")
    kd_weight: float = option(
        0.0,
        "weight of the KL divergence from the dense discriminator as a teacher; the paper's: 0.25",
        low=0.0,
    )
    ema_decay: float | None = option(
        None,
        "decay of the generator's averaged parameters; unset: the GAN's own",
        low=0.0,
        high=1.0,
    )
    augmentation: str | None = option(
        None,
        "none, or how images are augmented: what the discriminator of a noise-to-image GAN sees by"
        " color, translation, cutout; training images of cyclegan by flip, or crop_and_flip, which"
        " crops from 286/256; unset: the GAN's own",
    )
    terms: tuple[str, ...] = option(
        (), "loss terms beside the adversarial loss, each NAME:WEIGHT, such as r1:10"
    )
    mask_update: str = option(
        "static", "how masks change within a training, by name; static: they do not"
    )
    checkpoint_minutes: float = option(
        10.0,
        "minutes of training between checkpoints, from which an interrupted round continues",
        low=0.0,
        extends=True,
    )
    precision: str = option(
        "float32",
        "what the training step computes in; weights, statistics, losses and scores are always"
        " float32",
        choices=("float32", "mixed_bfloat16", "mixed_float16"),
    )
    jit_compile: bool = option(False, "compile the training step with XLA")
    steps_per_execution: int = option(
        1,
        "training steps between two returns to Python, for its bar, summaries and checkpoints",
        low=1,
        extends=True,
    )


@dataclasses.dataclass(frozen=True)
class LotteryConfig:
    """Lottery"""

    method: str = option("imp", "what makes the GAN small, by name")
    rounds: int = option(10, "pruned rounds after the dense round 0", low=0, extends=True)
    rate: float | None = option(
        None,
        "share of the remaining units that each round prunes (default: 0.2); with"
        " --criterion=gamma_l1, unset prunes the channels whose gammas have become 0",
        low=0.0,
        high=0.999,
    )
    prune: tuple[str, ...] = option(
        ("generator",),
        "roles of the networks that are pruned, each within itself: generator, discriminator",
    )
    unit: str = option(
        "element",
        "what goes as a whole: an element, one weight of a kernel; a channel with its filters,"
        " bias, norm and what reads it; or 2:4, elements of which two of four in a row stay",
        choices=("element", "channel", "2:4"),
    )
    prune_trunk: bool = option(
        False, "with --unit=channel, let residual trunks lose channels in all layers at once"
    )
    train_slim: bool | None = option(
        None,
        "with --unit=channel, train pruned rounds without their pruned channels: the same"
        " candidates, in less time; unset: where it saves more than it takes to trace them anew",
    )
    budget: str = option(
        "units",
        "what the share that remains after a round is a share of: units, or the MACs of a network",
        choices=("units", "macs"),
    )
    budgets: tuple[float, ...] = option(
        (),
        "shares of the generators' MACs that a compressor leaves, a round each: 0.5,0.25,0.1",
        low=0.0,
        high=1.0,
    )
    prune_dense: bool = option(False, "prune the kernels of Dense layers beside convolutions")
    exclude: tuple[str, ...] = option(
        (), "layers to leave dense: patterns such as generator/to_image or */block_1/*"
    )
    criterion: str = option("magnitude", "what ranks the units that a round prunes")
    ranking: str = option(
        "global",
        "rank the weights of all layers of a network together, or within each",
        choices=("global", "layerwise"),
    )
    ranking_weights: str = option(
        "live",
        "trained weights that magnitudes are taken of; paper: live in round 1, then averages (ema)",
        choices=("live", "ema", "paper"),
    )
    rewind: bool = option(
        True,
        "rewind the weights before each pruned round; without, every round goes on from the one"
        " before",
    )
    rewind_step: int = option(
        0, "step whose weights the rounds rewind to; the steps a round stay the same in all", low=0
    )
    generator_start: str = option(
        "rewound",
        "the generator's weights at the start of each pruned round; dense: those of round 0",
        choices=("rewound", "dense"),
    )
    discriminator_start: str = option(
        "rewound",
        "the discriminator's weights at the start of each pruned round",
        choices=("rewound", "dense", "second_seed"),
    )
    branches: tuple[str, ...] = option(
        ("random_mask", "random_init"), "controls to train beside the ticket", extends=True
    )
    branch_rounds: tuple[int, ...] = option(
        (5, 10), "rounds that get the controls", low=1, extends=True
    )
    replicates: int = option(1, "times to repeat everything under other seeds", low=1, extends=True)
    looks: int = option(
        1,
        "times that the replicates are judged, at equal distances: 3 of 9 are after 3, 6 and all 9",
        low=1,
        extends=True,
    )
    paired: bool = option(
        False,
        "test differences within replicates, which share their first weights, instead of means over"
        " them",
        extends=True,
    )
    margin: float = option(
        0.1, "share of the dense FID by which a matching ticket may be worse", low=0.0, extends=True
    )
    parent: str | None = option(None, "digest of the ticket that is transferred", flag=False)

    def __post_init__(self):
        # In a fixed order, so that equal experiments have equal identities.
        object.__setattr__(self, "prune", tuple(sorted(set(self.prune), reverse=True)))
        object.__setattr__(self, "branches", tuple(dict.fromkeys(self.branches)))  # each once
        if self.rate is None and self.criterion != "gamma_l1":
            object.__setattr__(self, "rate", 0.2)
        if self.train_slim is None and self.unit != "channel":
            object.__setattr__(self, "train_slim", False)
        # The first look needs two replicates.
        if self.looks > 1 and self.replicates <= self.looks:
            raise UsageError(
                f"--looks={self.looks} needs more --replicates than that, not {self.replicates}:"
                f" --replicates={2 * self.looks}, or a multiple"
            )
        # Differences of two replicates have a single degree of freedom: levels shared as those of a
        # z-test would be exceeded.
        if self.looks > 1 and self.paired:
            raise UsageError(f"--paired is judged once: it needs --looks=1, not {self.looks}")

    def branches_of(self, number: int) -> tuple[str, ...]:
        """The branches that round `number` gets: all, or those that lead to later ones."""
        if number in self.branch_rounds:
            return self.branches
        leads = any(0 < number < later <= self.rounds for later in self.branch_rounds)
        return tuple(name for name in self.branches if leads and name in LEADING)


@dataclasses.dataclass(frozen=True)
class EvaluationConfig:
    """Evaluation"""

    protocol: str = option("digits", "name of the protocol that scores are computed under")
    feature_network: str | None = option(
        None, "feature network instead of the protocol's: a name, path or URL"
    )
    num_eval_images: int | None = option(
        None, "generated images a score is computed from, instead of the protocol's", low=2
    )
    reference_resolution: int | None = option(
        None,
        "height and width, in pixels, of real images to compare with; unset: --resolution",
        low=8,
    )
    eval_labels: str = option(
        "uniform",
        "labels of the images that a conditional GAN is scored on: uniform over the classes, or as"
        " often as in the data",
        choices=LABELS,
    )
    score_every: int = option(
        0,
        "steps between scores and samples within a training, for report and TensorBoard; 0: none",
        low=0,
        extends=True,
    )
    keep: str = option(
        "last",
        "which scores of a training count: of its last step, or the best by FID of --score_every's,"
        " which is biased, as in the paper's code; its weights are the last step's in both",
        choices=("last", "best"),
    )

    def __post_init__(self):
        if self.keep == "best" and not self.score_every:
            raise UsageError("--keep=best is the best of several scores: it needs --score_every")
