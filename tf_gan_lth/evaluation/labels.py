"""Classes of images: those of real ones, those asked of a generator, those that a network sees."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Labels:
    """The classes of images, in the order of these.

    Attributes:
      numbers: `(N,)` integers in [0, classes).
      classes: how many classes there are, those without an image too.
      names: of the classes; None where nobody knows.
    """

    numbers: np.ndarray
    classes: int
    names: tuple[str, ...] | None = None

    @property
    def titles(self) -> tuple[str, ...]:
        """What to call the classes: their names, or their numbers."""
        return self.names or tuple(map(str, range(self.classes)))

    @property
    def counts(self) -> np.ndarray:
        """`(classes,)` numbers of images."""
        return np.bincount(self.numbers, minlength=self.classes)

    @property
    def shares(self) -> tuple[float, ...]:
        """The share of each class in all images."""
        return tuple((self.counts / len(self.numbers)).tolist())


class Seen:
    """The classes that a feature network sees in images, from logits in batches of any size.

    Attributes:
      logits: how many the network has.
    """

    def __init__(self):
        self.logits = 0
        self._parts: list[np.ndarray] = []

    def add(self, logits: np.ndarray) -> None:
        """Adds the next logits, `(n, K)`."""
        self.logits = logits.shape[1]
        self._parts.append(logits.argmax(axis=1))

    @property
    def numbers(self) -> np.ndarray:
        """`(N,)` numbers of the largest logits, of all that was added."""
        return np.concatenate(self._parts)


@dataclasses.dataclass(frozen=True)
class Classes:
    """What scores of classes are computed from, where there is everything that they need.

    Attributes:
      asked: the labels that the generated images were asked for.
      seen: `(N,)` numbers of the classes that the feature network sees in them.
      real: the labels of the reference's features.
      known: names of the classes that the feature network tells apart; None where nobody knows.
    """

    asked: Labels
    seen: np.ndarray
    real: Labels
    known: tuple[str, ...] | None = None


def classes_of(
    asked: Labels | None, seen: Seen, real: Labels | None, known: tuple[str, ...] | None = None
) -> Classes | None:
    """None unless all know the labels, and logits, generator and data have as many classes."""
    if asked is None or real is None:
        return None
    if not asked.classes == real.classes == seen.logits:
        return None
    return Classes(asked, seen.numbers, real, known)
