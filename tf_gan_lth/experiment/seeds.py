"""Every random number is a function of (seed, labels): latents, data order, initial weights, random
masks.

A stream is named by what it is for, never by when it is drawn, so any step of any round can be
recomputed alone."""

import hashlib
import json

import numpy as np


def derive(seed: int, *labels: int | str) -> int:
    """A 64-bit number from a seed and labels, e.g. `derive(0, "replicate", 2, "round", 3,
    "latents")`.
    """
    digest = hashlib.sha256(json.dumps([seed, *labels]).encode()).digest()
    return int.from_bytes(digest[:8], "little")


def pair(seed: int, *labels: int | str) -> np.ndarray:
    """The same number as two int32: the form of `tf.random.stateless_*` seeds."""
    return np.frombuffer(derive(seed, *labels).to_bytes(8, "little"), np.int32).copy()


def generator(seed: int, *labels: int | str) -> np.random.Generator:
    """The same number as a NumPy generator."""
    return np.random.default_rng(derive(seed, *labels))
