"""Scores by name: functions of generated images beside real ones, as a table shows them.

A score of your own is one function under `@register(title, form)`: records, tables, pages, CSV and
TensorBoard follow. It is None where so few images, or such a reference, do not give it.
"""

import dataclasses
from collections.abc import Callable

from tf_gan_lth.evaluation.measured import Measured
from tf_gan_lth.experiment.registry import Registry

Function = Callable[[Measured], float | None]


@dataclasses.dataclass(frozen=True)
class Score:
    """A score.

    Attributes:
      function: what computes it.
      title: what tables call it.
      form: how they format it.
      in_terminal: whether the table of a terminal has room for it.
    """

    function: Function
    title: str
    form: str
    in_terminal: bool = True


SCORES: Registry[Score] = Registry("score")


def register(title: str, form: str, in_terminal: bool = True) -> Callable[[Function], Function]:
    """Makes a function a score, under its own name."""

    def decorate(function: Function) -> Function:
        SCORES.register(Score(function, title, form, in_terminal), name=function.__name__)
        return function

    return decorate


@register("FID", ".3f")
def fid(images: Measured) -> float:
    """Frechet distance between normal distributions of features (Heusel et al. 2017)."""
    return images.frechet_distance


@register("KID", ".4f")
def kid(images: Measured) -> float | None:
    """Squared maximum mean discrepancy of features, unbiased (Binkowski et al. 2018)."""
    return images.kernel_distance[0]


@register("KID s.e.", ".4f", in_terminal=False)
def kid_standard_error(images: Measured) -> float | None:
    """The standard error of KID over blocks; None with a single block."""
    return images.kernel_distance[1]


@register("IS", ".2f")
def inception_score(images: Measured) -> float | None:
    """How sure and how varied a classifier finds the images (Salimans et al. 2016)."""
    return images.inception_score[0]


@register("IS s.d.", ".2f", in_terminal=False)
def inception_score_std(images: Measured) -> float | None:
    """The standard deviation of the Inception score over parts of the images."""
    return images.inception_score[1]


@register("precision", ".2f")
def precision(images: Measured) -> float | None:
    """The share of generated images among the real ones (Kynkaanniemi et al. 2019)."""
    return images.manifold["precision"]


@register("recall", ".2f")
def recall(images: Measured) -> float | None:
    """The share of real images among the generated ones (Kynkaanniemi et al. 2019)."""
    return images.manifold["recall"]


@register("density", ".2f", in_terminal=False)
def density(images: Measured) -> float | None:
    """How many real images' balls hold a generated one, over k (Naeem et al. 2020)."""
    return images.manifold["density"]


@register("coverage", ".2f", in_terminal=False)
def coverage(images: Measured) -> float | None:
    """The share of real images with a generated one in their ball (Naeem et al. 2020)."""
    return images.manifold["coverage"]
