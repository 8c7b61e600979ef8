"""Scores by name, with how tables show them: functions of generated images beside real ones.

To add a score, write one function under `@register(title, form)`: records, tables, pages, CSV and
TensorBoard follow. The function returns None if the images are too few, or the reference does not
hold what it needs.
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
      function: the function that computes it.
      title: its heading in tables.
      form: its format specification in tables.
      in_terminal: whether the terminal's table shows it.
    """

    function: Function
    title: str
    form: str
    in_terminal: bool = True


SCORES: Registry[Score] = Registry("score")
# Of conditional generators, by feature networks whose logits are the data's classes.
CLASS_SCORES: Registry[Score] = Registry("score of classes")


def register(
    title: str, form: str, in_terminal: bool = True, registry: Registry[Score] = SCORES
) -> Callable[[Function], Function]:
    """Registers a function as a score under its own name; a decorator."""

    def decorate(function: Function) -> Function:
        registry.register(Score(function, title, form, in_terminal), name=function.__name__)
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
    """How certain a classifier is of each image, and how varied over all (Salimans et al. 2016)."""
    return images.inception_score[0]


@register("IS s.d.", ".2f", in_terminal=False)
def inception_score_std(images: Measured) -> float | None:
    """The standard deviation of the Inception score over splits of the images."""
    return images.inception_score[1]


@register("precision", ".2f")
def precision(images: Measured) -> float | None:
    """The share of generated images on the real manifold (Kynkaanniemi et al. 2019)."""
    return images.manifold["precision"]


@register("recall", ".2f")
def recall(images: Measured) -> float | None:
    """The share of real images on the generated manifold (Kynkaanniemi et al. 2019)."""
    return images.manifold["recall"]


@register("density", ".2f", in_terminal=False)
def density(images: Measured) -> float | None:
    """The mean number of real balls around a generated image, over k (Naeem et al. 2020)."""
    return images.manifold["density"]


@register("coverage", ".2f", in_terminal=False)
def coverage(images: Measured) -> float | None:
    """The share of real images with a generated image in their ball (Naeem et al. 2020)."""
    return images.manifold["coverage"]


@register("label accuracy", ".1%", registry=CLASS_SCORES)
def label_accuracy(images: Measured) -> float:
    """The share of generated images that the network takes for the class that was asked for."""
    return images.label_accuracy


@register("class FID", ".3f", registry=CLASS_SCORES)
def class_fid(images: Measured) -> float | None:
    """The mean over classes of FID within each (intra-FID, Miyato & Koyama 2018)."""
    return images.class_distance
