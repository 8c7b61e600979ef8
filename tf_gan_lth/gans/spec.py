"""What a GAN is: its networks and their roles, and what is usual for training it.

A file of this folder, or of a user's, that assigns a `GANSpec` defines a GAN; nothing else of the
package names it.
"""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Literal

import tf_keras as keras

from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.config import Config, NoOptions
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.gans.priors import Prior

GENERATOR, DISCRIMINATOR = "generator", "discriminator"
Player = Literal["generator", "discriminator"]
Networks = dict[str, keras.Model]


@dataclasses.dataclass(frozen=True)
class ImageShape:
    """What a GAN's images are like.

    Attributes:
      resolution: height and width, in pixels; None for any, where the GAN translates.
      channels: 1 (grey) or 3 (RGB).
      classes: number of classes of their labels; 0 if they have none.
    """

    resolution: int | None
    channels: int
    classes: int = 0


@dataclasses.dataclass(frozen=True)
class Network:
    """The part that a network plays.

    Attributes:
      role: `generator` makes images, `discriminator` judges them; any other word, such as
        `mapping`, needs a player. `--prune` names roles.
      player: whose loss and optimizer train it; unset, what the role says.
      judge: of a generator, the name of the discriminator that judges its images.
      averaged: whether a running average (EMA) of its parameters is kept, which scores may take.
    """

    role: str
    player: Player | None = None
    judge: str | None = None
    averaged: bool = False

    def __post_init__(self):
        if self.player is None and self.role in (GENERATOR, DISCRIMINATOR):
            object.__setattr__(self, "player", self.role)
        if self.player not in (GENERATOR, DISCRIMINATOR):
            raise UsageError(
                f"a network of role '{self.role}' needs player='{GENERATOR}' or"
                f" '{DISCRIMINATOR}': whose loss trains it"
            )


@dataclasses.dataclass(frozen=True)
class Hyperparameters:
    """What is usual for training a GAN: `TrainingConfig`'s unset options fall back on these.

    None: the GAN has no such option.

    Attributes:
      loss: name in `training.losses`.
      adam_betas: Adam's decay rates of the first and second moment.
      terms: of the loss, as `--terms` takes them; a run adds its own, and one that names one of
        these gives it another weight, which may be 0.

    Raises:
      UsageError: a value is out of the range of its option, or of another type.
    """

    loss: str
    adam_betas: tuple[float, float]
    steps: int
    generator_batch_size: int
    learning_rate: float
    decay_from: float = 1.0
    discriminator_steps: int | None = None
    discriminator_batch_size: int | None = None
    ema_decay: float | None = None
    augmentation: str | None = "none"
    terms: tuple[str, ...] = ()

    def __post_init__(self):
        given = dataclasses.asdict(self)
        betas = given.pop("adam_betas")
        read = configs.from_options(given).training
        for name, value in given.items():
            if value is not None:
                object.__setattr__(self, name, getattr(read, name))
        pair = betas if isinstance(betas, tuple | list) else ()
        if len(pair) != 2 or not all(isinstance(b, int | float) and 0 <= b < 1 for b in pair):
            raise UsageError(
                f"adam_betas={betas} are not understood: expected two numbers from 0 to below 1,"
                " such as (0.5, 0.999)"
            )
        object.__setattr__(self, "adam_betas", tuple(pair))


@dataclasses.dataclass(frozen=True)
class GANSpec:
    """A GAN without weights.

    Attributes:
      name: what `--gan` calls it.
      networks: {network name: its part}.
      build: (options, images, fused) to plain functional `keras.Model`s by name; `fused` is
        `--fused_convolutions`.
      usual: hyperparameters.
      step: name of the training step, in `training.steps`.
      task: name of the task, in `tasks`: what the GAN is for.
      options: frozen dataclass of the options that it alone has; `Options` of its file.
      prior: (options, images, networks) to what the generator draws from; None if it translates.
      conditional: whether it asks for labels, of images and of what it draws; a function of its
        options if they say so.
      judged_apart: whether its discriminator judges real and generated images in calls of their
        own, as one with batch norms must: in one call each would see the other's statistics.
      small_operations: whether two cores do better with an operation each than with both on one.
      complaints: what of a config it cannot be combined with, one line each.
      source: where it comes from, for people.
    """

    name: str
    networks: dict[str, Network]
    build: Callable[[object, ImageShape, bool], Networks]
    usual: Hyperparameters
    step: str
    task: str
    options: type = NoOptions
    prior: Callable[[object, ImageShape, Networks], Prior] | None = None
    conditional: bool | Callable[[object], bool] = False
    judged_apart: bool = False
    small_operations: bool = False
    complaints: Callable[[Config], Iterable[str]] = lambda config: ()
    source: str = ""

    def asks_labels(self, options: object) -> bool:
        """Whether it is conditional under its own options."""
        return self.conditional(options) if callable(self.conditional) else self.conditional

    def of_role(self, role: str) -> tuple[str, ...]:
        """The names of the networks with a role."""
        return tuple(name for name, network in self.networks.items() if network.role == role)

    def of_player(self, player: Player) -> tuple[str, ...]:
        """The names of the networks that a player's loss trains."""
        return tuple(name for name, network in self.networks.items() if network.player == player)

    @property
    def generators(self) -> tuple[str, ...]:
        return self.of_role(GENERATOR)

    @property
    def averaged(self) -> tuple[str, ...]:
        return tuple(name for name, network in self.networks.items() if network.averaged)


@dataclasses.dataclass(frozen=True)
class GAN:
    """A GAN as plain Keras graphs.

    Attributes:
      spec: what it is.
      options: its own options, an instance of `spec.options`.
      networks: {network name: functional model}.
      prior: what the generator draws from; None if it translates.
    """

    spec: GANSpec
    options: object
    networks: Networks
    prior: Prior | None
