"""Registries: what the names in a config stand for, and what each cannot be combined with."""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.errors import UsageError, check_known

Thing = TypeVar("Thing")
Complaints = Callable[[Config, object], Iterable[str]]


def no_complaints(config: Config, gan: object) -> Iterable[str]:
    """The complaints of a thing that can be combined with everything."""
    del config, gan
    return ()


class Registry(Mapping[str, Thing]):
    """A mapping {name: thing}; the error for an unknown name suggests the nearest one.

    Args:
      kind: what error messages call such a thing, e.g. `branch`.
    """

    def __init__(self, kind: str):
        self.kind = kind
        self._things: dict[str, Thing] = {}
        self._complaints: dict[str, Complaints] = {}

    def register(
        self,
        thing: Thing | None = None,
        *,
        name: str | None = None,
        complaints: Complaints = no_complaints,
    ):
        """Registers a function or class under a name; a decorator, with or without arguments.

        Args:
          thing: the function or class.
          name: its name in the registry; its own name by default.
          complaints: a function of the config and the GAN's spec that yields one line for each
            reason why `thing` cannot be used with them.

        Raises:
          UsageError: the name is taken.
        """
        if thing is None:
            return functools.partial(self.register, name=name, complaints=complaints)
        name = name or thing.__name__
        if name in self._things:
            raise UsageError(f"two of kind '{self.kind}' are named {name}: rename one of them")
        self._things[name] = thing
        self._complaints[name] = complaints
        return thing

    def remove(self, name: str) -> None:
        """Makes a name free again, for one who registers it anew, as in a notebook."""
        del self._things[name], self._complaints[name]

    def __getitem__(self, name: str) -> Thing:
        """The thing of that name; raises `UsageError` with the nearest name if there is none."""
        check_known(self.kind, name, self._things)
        return self._things[name]

    def __contains__(self, name: object) -> bool:
        return name in self._things

    def __iter__(self) -> Iterator[str]:
        return iter(self._things)

    def __len__(self) -> int:
        return len(self._things)

    def complaints(self, name: str, config: Config, gan: object) -> Iterator[str]:
        """Yields the reasons why the thing of that name cannot be used with a config and a GAN."""
        check_known(self.kind, name, self._things)
        yield from self._complaints[name](config, gan)
