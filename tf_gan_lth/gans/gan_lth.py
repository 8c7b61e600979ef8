"""State dicts of the paper's own SNGAN (PyTorch), as our snapshots and masks.

These are pure functions of NumPy arrays. The layers are the same under other names:

    generator
        l1: dense   block2, block3, ...: block_1, block_2, ...   b5: norm   c5: to_image
        in a block  b1: norm_1   c1: conv_1   b2: norm_2   c2: conv_2   c_sc: shortcut
    discriminator
        block1, block2, ...: block_1, block_2, ...   l5: score
        in a block  c1, c2, c_sc as above

A kernel has one of four forms: `weight`; `weight_orig` with `weight_mask`, if it is pruned;
`weight_orig` with `weight_u`, if it has spectral norm; `weight_orig_orig` with `weight_orig_mask`
and `weight_u`, if both.

Sources: VITA-Group/GAN-LTH and GongXinyuu/sngan.pytorch; epsilon and running variance of batch
normalization are as in `sngan`.
"""

import dataclasses
import re

import numpy as np

from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.errors import ArtifactError
from tf_gan_lth.gans.sngan import LATENT_DIM

# Counters, and the second singular vector, which ours computes from the first one.
IGNORED = ("num_batches_tracked", "weight_v")
KERNEL_FORMS = {
    "weight_orig": "weight",
    "weight_orig_orig": "weight",
    "weight_orig_mask": "weight_mask",
}
SHOWN = 3


@dataclasses.dataclass(frozen=True)
class Network:
    """A network as a state dict holds it.

    Attributes:
      weights: its snapshot, float32, with the stored kernels: neither masked nor normalised.
      kernels: paths of the convolutions' kernels.
      mask: {kernel path: bool array} of all these kernels; None if the state dict has no mask.
      width: number of channels of its hidden maps.
      channels: number of channels of the images.
      resolution: height and width of the images, in pixels; None for a discriminator, which takes
        several.
    """

    weights: Arrays
    kernels: list[str]
    mask: Arrays | None
    width: int
    channels: int
    resolution: int | None = None


def network_of(state: Arrays) -> str | None:
    """Tells by its keys what a state dict is of: `generator`, `discriminator` or None."""
    layers = {str(name).removeprefix("module.").partition(".")[0] for name in state}
    return "generator" if "l1" in layers else "discriminator" if "l5" in layers else None


def generator(state: Arrays, where: str) -> Network:
    """Reads a generator.

    Args:
      state: {name: float array}, as `state_dict()` returns it.
      where: what error messages call the state dict.

    Raises:
      ArtifactError: an entry is missing, unknown, of another shape or not finite, or a mask holds
        other values than 0 and 1.
    """
    reader = _Reader(state, where)
    width = reader.size("b5.weight", 0)
    channels = reader.size("c5.weight", 0)
    blocks = reader.count_blocks()

    # Theirs views the Dense layer's outputs as (N, C, 4, 4), ours as (N, 4, 4, C).
    kernel = reader.take("l1.weight", 16 * width, LATENT_DIM).reshape(width, 4, 4, LATENT_DIM)
    bias = reader.take("l1.bias", 16 * width).reshape(width, 4, 4)
    reader.put("dense/kernel", kernel.transpose(3, 1, 2, 0).reshape(LATENT_DIM, -1))
    reader.put("dense/bias", bias.transpose(1, 2, 0).ravel())

    # Blocks, then the output layers.
    for number in range(1, blocks + 1):
        theirs, ours = f"block{number + 1}", f"block_{number}"
        reader.convolution(f"{theirs}.c_sc", f"{ours}/shortcut", (width, width, 1, 1))
        for half in (1, 2):
            reader.normalization(f"{theirs}.b{half}", f"{ours}/norm_{half}", width)
            reader.convolution(f"{theirs}.c{half}", f"{ours}/conv_{half}", (width, width, 3, 3))
    reader.normalization("b5", "norm", width)
    reader.convolution("c5", "to_image", (channels, width, 3, 3))
    return reader.network(width, channels, 4 * 2**blocks)


def discriminator(state: Arrays, where: str) -> Network:
    """Reads a discriminator with spectral norm; arguments and errors as in `generator`."""
    reader = _Reader(state, where)
    width = reader.size("l5.weight", 1)
    channels = reader.size("block1.c1.weight", 1)
    for number in range(1, reader.count_blocks() + 1):
        theirs, ours = f"block{number}", f"block_{number}"
        inputs = channels if number == 1 else width
        layers = [("c1", "conv_1", inputs, 3), ("c2", "conv_2", width, 3)]
        if reader.has(f"{theirs}.c_sc.weight"):  # a block that halves the map
            layers.append(("c_sc", "shortcut", inputs, 1))
        for their_name, our_name, fan_in, size in layers:
            reader.convolution(
                f"{theirs}.{their_name}", f"{ours}/{our_name}", (width, fan_in, size, size)
            )
            reader.put(
                f"{ours}/{our_name}/u", reader.take(f"{theirs}.{their_name}.weight_u", width)
            )
    reader.put("score/kernel", reader.take("l5.weight", 1, width).T)
    reader.put("score/u", reader.take("l5.weight_u", 1))
    return reader.network(width, channels)


class _Reader:
    """Moves the entries of a state dict one by one into a snapshot and a mask.

    `network` raises an error if any entry is left over, so that none is forgotten.
    """

    def __init__(self, state: Arrays, where: str):
        self._where = where
        self._left: Arrays = {}
        self._weights: Arrays = {}
        self._masks: Arrays = {}
        self._kernels: list[str] = []
        parallel = all(name.startswith("module.") for name in state)  # as DataParallel saves it
        for name, array in state.items():
            layer, _, kind = (name.removeprefix("module.") if parallel else name).rpartition(".")
            key = f"{layer}.{KERNEL_FORMS.get(kind, kind)}"
            if key in self._left:
                raise ArtifactError(f"{where} has {key} in two forms")
            if kind not in IGNORED:
                self._left[key] = array

    def has(self, key: str) -> bool:
        return key in self._left

    def size(self, key: str, axis: int) -> int:
        """The size along one axis of an entry that is not taken yet."""
        self._require(key)
        shape = self._left[key].shape
        if len(shape) <= axis:
            raise ArtifactError(f"{self._where}: {key} has shape {shape}")
        return shape[axis]

    def count_blocks(self) -> int:
        """The number of blocks; at least 1, so that if there are none, the first is missing."""
        matches = [re.match(r"(block\d+)\.", key) for key in self._left]
        return max(1, len({match[1] for match in matches if match}))

    def take(self, key: str, *shape: int) -> np.ndarray:
        """Takes an entry of a given shape, as float32."""
        self._require(key)
        array = self._left.pop(key)
        if array.shape != shape:
            raise ArtifactError(
                f"{self._where}: {key} is {array.shape}, expected {shape}: only the SNGAN of one"
                " width that grows from 4x4 is read"
            )
        if not np.isfinite(array).all():
            raise ArtifactError(f"{self._where}: {key} is not finite; did training diverge?")
        return array.astype(np.float32)

    def put(self, path: str, array: np.ndarray) -> None:
        """Adds a variable to the snapshot."""
        self._weights[path] = np.ascontiguousarray(array)

    def normalization(self, theirs: str, ours: str, width: int) -> None:
        """Takes a batch normalization."""
        names = {
            "weight": "gamma",
            "bias": "beta",
            "running_mean": "moving_mean",
            "running_var": "moving_variance",
        }
        for name, variable in names.items():
            self.put(f"{ours}/{variable}", self.take(f"{theirs}.{name}", width))

    def convolution(self, theirs: str, ours: str, shape: tuple[int, int, int, int]) -> None:
        """Takes a convolution.

        Args:
          theirs, ours: the layer's name in the state dict and in the snapshot.
          shape: shape of the kernel in the state dict: (outputs, inputs, height, width).
        """
        path = f"{ours}/kernel"
        self._kernels.append(path)
        self.put(path, _to_hwio(self.take(f"{theirs}.weight", *shape)))
        self.put(f"{ours}/bias", self.take(f"{theirs}.bias", shape[0]))
        if self.has(f"{theirs}.weight_mask"):
            mask = self.take(f"{theirs}.weight_mask", *shape)
            if not np.isin(mask, (0, 1)).all():
                raise ArtifactError(
                    f"{self._where}: {theirs}.weight_mask holds other values than 0 and 1"
                )
            self._masks[path] = _to_hwio(mask.astype(bool))

    def network(self, width: int, channels: int, resolution: int | None = None) -> Network:
        """The network that was taken; raises `ArtifactError` if any entry is left."""
        if self._left:
            raise ArtifactError(
                f"{self._where} has entries that are none of this SNGAN's: {shown(self._left)}"
            )
        full = {path: np.ones(self._weights[path].shape, bool) for path in self._kernels}
        mask = {**full, **self._masks} if self._masks else None
        return Network(self._weights, self._kernels, mask, width, channels, resolution)

    def _require(self, key: str) -> None:
        if key not in self._left:
            raise ArtifactError(
                f"{self._where} lacks {key}; it has {shown(self._left) or 'nothing'}"
            )


def _to_hwio(kernel: np.ndarray) -> np.ndarray:
    """Transposes (outputs, inputs, height, width) to (height, width, inputs, outputs)."""
    return np.ascontiguousarray(kernel.transpose(2, 3, 1, 0))


def shown(names: object) -> str:
    """The first few names, for a message."""
    names = [str(name) for name in names]
    return ", ".join(names[:SHOWN]) + (
        f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    )
