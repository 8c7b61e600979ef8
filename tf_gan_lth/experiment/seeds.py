"""Seeds: every random number is a function of (seed, labels).

This covers latents, data order, initial weights and random masks. The labels say what a number is
for, never when it is drawn, so any step of any round can be recomputed on its own.
"""

import hashlib
import json

import numpy as np


def derive(seed: int, *labels: int | str) -> int:
    """Derives a 64-bit number from a seed and labels.

    For example, `derive(0, "replicate", 2, "round", 3, "latents")`.
    """
    digest = hashlib.sha256(json.dumps([seed, *labels]).encode()).digest()
    return int.from_bytes(digest[:8], "little")


def pair(seed: int, *labels: int | str) -> np.ndarray:
    """The number that `derive` gives, as two int32: a seed for `tf.random.stateless_*`."""
    return np.frombuffer(derive(seed, *labels).to_bytes(8, "little"), np.int32).copy()


def generator(seed: int, *labels: int | str) -> np.random.Generator:
    """A NumPy generator seeded with the number that `derive` gives."""
    return np.random.default_rng(derive(seed, *labels))
