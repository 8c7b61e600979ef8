"""What a method is: it yields candidates, and may read what the earlier ones became."""

import abc
from collections.abc import Iterable, Iterator

from tf_gan_lth.experiment.config import Config, NoOptions
from tf_gan_lth.experiment.registry import Registry
from tf_gan_lth.experiment.replicate_folder import ReplicateFolder
from tf_gan_lth.gans import GANSpec
from tf_gan_lth.methods.bench import Bench
from tf_gan_lth.methods.candidate import Candidate


class Method(abc.ABC):
    """A way to make a GAN small.

    Attributes:
      Options: frozen dataclass of the options that it alone has, made by `config.option`.
      draws_configurations: whether it trains supernets.
    """

    Options: type = NoOptions
    draws_configurations: bool = False

    def complaints(self, config: Config, gan: GANSpec) -> Iterable[str]:
        """One line for each thing that it cannot be combined with; before anything is loaded."""
        del config, gan
        return ()

    def check_networks(self, bench: Bench) -> None:  # noqa: B027  most have nothing to check
        """Raises `UsageError` or `MaskError` for what these networks cannot do.

        Called before anything slow, and before the run folder is claimed.
        """

    def rounds(self, config: Config) -> Iterable[int]:
        """The numbers of the rounds that candidates are made for, as far as that is known before.

        People are told by it how long a run takes.
        """
        return range(config.lottery.rounds + 1)

    @property
    def takes_bits(self) -> bool:
        """Whether `--bits` may be 8: every round that it trains is of a GAN trained in 32."""
        return False

    @property
    def origin(self) -> dict[str, object] | None:
        """What a run records of where its candidates come from; None if it makes its own."""
        return None

    @abc.abstractmethod
    def candidates(self, bench: Bench, replicate: ReplicateFolder) -> Iterator[Candidate]:
        """Yields what to train, one after the other; each is trained before the next is made.

        A run that was stopped asks again from the first one on: what is there already is read.
        """


METHODS: Registry[type[Method]] = Registry("method")
register = METHODS.register
