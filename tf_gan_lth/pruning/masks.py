"""Masks as pure functions of weights and masks: which kernels' entries stay (1) and which are
pruned (0).

Weights and masks are `{variable path: array}` of one network; a mask has the paths of the prunable
kernels only."""

import numpy as np

from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.errors import MaskError


def full_mask(weights: Arrays, paths: list[str]) -> Arrays:
    """A mask that keeps everything: bool arrays of ones for `paths`."""
    return {path: np.ones(weights[path].shape, bool) for path in paths}


def magnitudes(weights: Arrays) -> Arrays:
    """Scores of magnitude pruning: |w|. Source: Han et al. 2015."""
    return {path: np.abs(array) for path, array in weights.items()}


def saliencies(weights: Arrays, gradients: Arrays) -> Arrays:
    """Scores of SNIP: |w dL/dw|, for the kernels that have a gradient. Source: Lee et al. 2019."""
    return {path: np.abs(weights[path] * gradient) for path, gradient in gradients.items()}


def global_mask(scores: Arrays, mask: Arrays, fraction: float) -> Arrays:
    """Prunes the lowest-scored remaining weights of a network, ranked over all its kernels
    together.

    Args:
      scores: {kernel path: float array}; only paths in `mask` take part.
      mask: current mask, same shapes, 1 keeps and 0 prunes.
      fraction: share in [0, 1) of the *remaining* weights to prune.

    Returns:
      A new mask with exactly `remaining - round(fraction * remaining)` ones; ties go by position,
      so the count is exact.

    Raises:
      MaskError: the fraction is out of range, paths or shapes differ, or a kernel holds a value
        that is not finite.

    Source: as used in Chen et al. 2021, algorithm 1, with `magnitudes` of the trained weights.
    """
    if not (0.0 <= fraction < 1.0 and mask):
        raise MaskError(
            f"cannot prune {fraction} of the weights of {len(mask)} kernels: the share must be in"
            " [0, 1)"
        )
    check_shapes(scores, mask)
    kept = flatten(mask)
    ranked = np.concatenate([scores[path].ravel() for path in sorted(mask)])
    if not np.isfinite(ranked).all():
        bad = [path for path in sorted(mask) if not np.isfinite(scores[path]).all()]
        raise MaskError(
            f"cannot rank weights that are not finite: {', '.join(bad)}. Did training diverge?"
        )
    alive = np.flatnonzero(kept)
    weakest = np.argsort(ranked[alive], kind="stable")[: round(fraction * alive.size)]
    kept[alive[weakest]] = False
    return unflatten(kept, mask)


def layerwise_mask(scores: Arrays, mask: Arrays, fraction: float) -> Arrays:
    """As `global_mask`, but ranked within each kernel: every kernel loses the same share of its
    remaining weights.

    The number of ones is rounded for each kernel, so that of the network may differ from
    `global_mask`'s by a few."""
    return {path: global_mask(scores, {path: kept}, fraction)[path] for path, kept in mask.items()}


RANKINGS = {"global": global_mask, "layerwise": layerwise_mask}


def random_mask(mask: Arrays, generator: np.random.Generator) -> Arrays:
    """As many ones as `mask` has, at random places over all kernels together."""
    return unflatten(generator.permutation(flatten(mask)), mask)


def random_mask_by_layer(mask: Arrays, generator: np.random.Generator) -> Arrays:
    """As many ones in each kernel as `mask` has there, at random places."""
    return {path: random_mask({path: mask[path]}, generator)[path] for path in sorted(mask)}


def apply(weights: Arrays, mask: Arrays) -> Arrays:
    """`mask x weights`: pruned entries exactly +0.0, everything else bit for bit as it was.

    Raises:
      MaskError: paths or shapes differ.
    """
    check_shapes(weights, mask)
    zero = {
        path: np.where(kept, weights[path], np.zeros((), weights[path].dtype))
        for path, kept in mask.items()
    }
    return {**weights, **zero}


def check_pruned(weights: Arrays, mask: Arrays, where: str) -> None:
    """Raises `MaskError` unless every pruned weight is exactly zero; `where` names the place in the
    message.
    """
    check_shapes(weights, mask)
    for path, kept in mask.items():
        alive = np.count_nonzero(weights[path][~kept])
        if alive:
            raise MaskError(f"{where}: {alive} pruned weights of {path} are not zero")


def check_shapes(weights: Arrays, mask: Arrays) -> None:
    """Raises `MaskError` unless every path of the mask is a weight of the same shape."""
    for path, kept in mask.items():
        if path not in weights:
            raise MaskError(f"the mask has {path}, the weights do not")
        if weights[path].shape != kept.shape:
            raise MaskError(
                f"{path}: the mask has shape {kept.shape}, the weights {weights[path].shape}"
            )


def flatten(mask: Arrays) -> np.ndarray:
    """One bool vector over all kernels, in the order of their paths; a copy."""
    return np.concatenate([np.asarray(mask[path], bool).ravel() for path in sorted(mask)])


def unflatten(flat: np.ndarray, like: Arrays) -> Arrays:
    """The inverse of `flatten`, with the shapes of `like`."""
    mask, at = {}, 0
    for path in sorted(like):
        size = like[path].size
        mask[path] = flat[at : at + size].reshape(like[path].shape)
        at += size
    return mask


def count(mask: Arrays) -> tuple[int, int]:
    """(remaining, total) prunable weights."""
    return sum(int(np.count_nonzero(kept)) for kept in mask.values()), sum(
        kept.size for kept in mask.values()
    )


def sparsity_report(mask: Arrays) -> dict[str, object]:
    """Sparsity of a network, in total and for each kernel: zeros over prunable weights."""
    remaining, total = count(mask)
    layers = {
        path: {"total": int(kept.size), "remaining": int(np.count_nonzero(kept))}
        for path, kept in sorted(mask.items())
    }
    return {
        "sparsity": 1.0 - remaining / total,
        "remaining": remaining,
        "total": total,
        "layers": layers,
    }
