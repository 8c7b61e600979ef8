"""Things by name: what the words of a config stand for, and what each cannot be combined with."""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.errors import UsageError, check_known

Thing = TypeVar("Thing")
Complaints = Callable[[Config, object], Iterable[str]]


def no_complaints(config: Config, gan: object) -> Iterable[str]:
    """Of what can be combined with everything."""
    del config, gan
    return ()


class Registry(Mapping[str, Thing]):
    """{name: thing}; what is missing is answered with the nearest name.

    Args:
      kind: what errors call such a thing, e.g. `branch`.
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
        """Makes a function or class available under its name: a decorator, with brackets or not.

        Args:
          thing: the function or class.
          name: what to call it; its own name if left out.
          complaints: a function of the config and the GAN's spec that yields one line for each
            thing that it cannot be combined with.
        """
        if thing is None:
            return functools.partial(self.register, name=name, complaints=complaints)
        name = name or thing.__name__
        if name in self._things:
            raise UsageError(f"two of kind '{self.kind}' are named {name}: rename one of them")
        self._things[name] = thing
        self._complaints[name] = complaints
        return thing

    def __getitem__(self, name: str) -> Thing:
        """Raises `UsageError`, with the nearest name, if there is none of that name."""
        check_known(self.kind, name, self._things)
        return self._things[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._things)

    def __len__(self) -> int:
        return len(self._things)

    def complaints(self, name: str, config: Config, gan: object) -> Iterator[str]:
        """What keeps the thing of that name from being used with a config and a GAN."""
        check_known(self.kind, name, self._things)
        yield from self._complaints[name](config, gan)
