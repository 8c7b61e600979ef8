"""Feature networks: SavedModels with the signature of TF-GAN's Inception module, by name or by path."""

import dataclasses
import functools
import hashlib
import pathlib
from collections.abc import Callable, Iterable

import numpy as np
import tensorflow as tf

from tf_gan_lth.evaluation import digits_network
from tf_gan_lth.experiment.errors import EvaluationError, check_known

EMBEDDED = {"digits": digits_network.PATH}
OUTPUTS = ("pool_3", "logits")


@dataclasses.dataclass(frozen=True)
class Activations:
    """What a feature network makes of N images: `features` `(N, D)` and `logits` `(N, K)`, both float32."""

    features: np.ndarray
    logits: np.ndarray


@dataclasses.dataclass(frozen=True)
class FeatureNetwork:
    """A loaded feature network.

    Attributes:
      name: its name, or the path it was loaded from.
      digest: SHA-256 over the files of the SavedModel, 16 hex digits.
      function: images `(N, H, W, C)` float32 in [-1, 1] to `{"pool_3": (N, D), "logits": (N, K)}`.
    """

    name: str
    digest: str
    function: Callable[[tf.Tensor], dict[str, tf.Tensor]]

    def activations(self, batches: Iterable[tf.Tensor]) -> Activations:
        """Runs the network over batches of images; only the activations are kept.

        Raises:
          EvaluationError: the network does not take these images, or an image is not finite.
        """
        parts = {name: [] for name in OUTPUTS}
        for images in batches:
            # Asked of the images, because a ReLU turns NaN into 0 and hides it from every score.
            if not tf.reduce_all(tf.math.is_finite(images)):
                raise EvaluationError("an image holds values that are not finite: did the generator diverge?")
            try:
                outputs = self.function(images)
            except (ValueError, TypeError, tf.errors.InvalidArgumentError) as error:
                reason = str(error).splitlines()[0]
                raise EvaluationError(
                    f"feature network '{self.name}' does not take images of shape {images.shape}: {reason}"
                ) from None
            for name in OUTPUTS:
                parts[name].append(outputs[name].numpy())
        return Activations(*(np.concatenate(parts[name]) for name in OUTPUTS))


@functools.cache
def load(name: str) -> FeatureNetwork:
    """Loads a feature network, once a process.

    Args:
      name: one of `EMBEDDED`, or the path of a SavedModel.

    Raises:
      UsageError: neither a known name nor a folder.
      EvaluationError: the folder is no SavedModel with the outputs `pool_3` and `logits`.
    """
    path = EMBEDDED.get(name, pathlib.Path(name))
    if not path.is_dir():
        check_known("feature network", name, EMBEDDED)
    try:
        loaded = tf.saved_model.load(str(path))
        function = loaded.signatures["serving_default"]
    except (OSError, KeyError, IndexError, ValueError, tf.errors.OpError) as error:
        raise EvaluationError(f"{path} is not a SavedModel with a signature 'serving_default': {error}") from None
    missing = [output for output in OUTPUTS if output not in function.structured_outputs]
    if missing:
        raise EvaluationError(f"{path} lacks the outputs {missing}: a feature network returns {list(OUTPUTS)}")
    # The module would be freed, and its variables with it, if only the signature were kept.
    function.owner = loaded
    return FeatureNetwork(name, _digest(path), function)


def _digest(folder: pathlib.Path) -> str:
    state = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        state.update(str(file.relative_to(folder)).encode() + file.read_bytes())
    return state.hexdigest()[:16]
