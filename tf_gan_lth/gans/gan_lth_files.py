"""Files that the paper's own code wrote with `torch.save`, read without running what they hold."""

import errno
import hashlib
import math
import numbers
import pathlib
import re
import warnings
import zipfile

import numpy as np

from tf_gan_lth.experiment import paths
from tf_gan_lth.experiment.errors import ArtifactError, UsageError, error_reason
from tf_gan_lth.gans import gan_lth

AVERAGED = "_ema"
ENTRIES = {
    "gen_state_dict": "generator",
    "avg_gen_state_dict": "generator" + AVERAGED,
    "dis_state_dict": "discriminator",
}
READERS = {"generator": gan_lth.generator, "discriminator": gan_lth.discriminator}
NOTES = ("epoch", "round", "best_fid", "seed")
# Numbers in a network: an SNGAN of width 1024 has fewer. A file of a few bytes may declare any.
LARGEST = 2**26

# Of `generator`, `generator_ema` and `discriminator` those that there are.
Networks = dict[str, gan_lth.Network]


def read_checkpoint(file: str) -> tuple[Networks, dict[str, object]]:
    """The networks in a file that `torch.save` wrote, and what the file says about itself.

    Raises:
      UsageError: there is no such file, or PyTorch is not installed.
      ArtifactError: it is broken, or holds something else than these networks.
    """
    path = paths.expand(file)
    content = _load(path)
    keys = content.keys() if isinstance(content, dict) else ()
    states = {name: content[key] for key, name in ENTRIES.items() if key in keys}
    if not states and gan_lth.network_of(content if keys else {}):
        states = {gan_lth.network_of(content): content}
    if not states:
        found = f"it holds a {type(content).__name__}"
        if keys:
            found = f"its first keys are {gan_lth.shown(keys)}"
        raise ArtifactError(f"{path} is no checkpoint of GAN-LTH or sngan.pytorch: {found}")

    # A file with only the averaged generator has it as the live one too.
    networks = {name: _read_network(states[name], name, str(path)) for name in states}
    if "generator" + AVERAGED in networks:
        networks.setdefault("generator", networks["generator" + AVERAGED])
    notes = {
        key: _plain(content[key]) for key in NOTES if isinstance(content.get(key), numbers.Real)
    }
    return networks, {
        "file": path.name,
        "file_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        **notes,
    }


def _load(path: pathlib.Path) -> object:
    """The content of a file, read without running any code that it holds."""
    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    try:
        import torch
    except ImportError:
        raise UsageError(
            f"{path.name} is PyTorch's: install what reads it with pip install torch"
        ) from None
    _check_sizes(path)
    # The scores in a checkpoint are NumPy scalars, written by NumPy 1 or 2.
    scalar = np.float64(0).__reduce__()[0]
    kinds = [type(np.dtype(kind)) for kind in ("float32", "float64", "int64")]
    names = [(scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")]
    try:
        with (
            torch.serialization.safe_globals([*names, np.dtype, *kinds]),
            # Without it, indices of a sparse tensor may lie outside of the memory it gets.
            torch.sparse.check_sparse_tensor_invariants(),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # reading a damaged pickle may raise anything
        # PyTorch seeks before the start of a file that was cut.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise ArtifactError(f"{path} cannot be read: {error.strerror}") from error
        refused = re.search(r"GLOBAL (\S+)", str(error))
        if refused:
            raise ArtifactError(
                f"{path} holds Python objects ({refused[1]}), which can run code when they are"
                " read: save a state_dict() instead"
            ) from error
        raise ArtifactError(f"{path} is broken, cut off or no file of torch.save") from error


def _check_sizes(path: pathlib.Path) -> None:
    """Refuses a zip file whose entries are larger than itself: `torch.save` compresses nothing."""
    try:
        with zipfile.ZipFile(path) as stored:
            unpacked = sum(entry.file_size for entry in stored.infolist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        return  # of the older format, or broken: `torch.load` tells
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror or error}") from error
    if unpacked > path.stat().st_size:
        raise ArtifactError(
            f"{path} is no file of torch.save: its entries take {unpacked:,} bytes, more than it"
            " has"
        )


def _read_network(state: object, name: str, where: str) -> gan_lth.Network:
    where = f"{where}, {name}"
    if not isinstance(state, dict):
        raise ArtifactError(f"{where}: expected a state dict, found a {type(state).__name__}")
    odd = [
        key
        for key, value in state.items()
        if not (isinstance(key, str) and hasattr(value, "detach"))
    ]
    if odd:
        raise ArtifactError(f"{where} is no state dict: {gan_lth.shown(odd)} hold no tensors")
    _check_total(state, where)
    arrays = {key: _array(tensor, f"{where}: {key}") for key, tensor in state.items()}
    return READERS[name.removesuffix(AVERAGED)](arrays, where)


def _check_total(state: dict, where: str) -> None:
    """Refuses what would fill the memory, by shapes alone: a tensor may repeat its values, or be
    sparse, and then takes more than its file.
    """
    try:
        total = sum(math.prod(tensor.shape) for tensor in state.values())
    except RuntimeError as error:  # a nested tensor has no shape
        raise ArtifactError(f"{where}: {error_reason(error)}") from error
    if total > LARGEST:
        raise ArtifactError(
            f"{where} declares {total:,} numbers: an SNGAN that is read here has at most"
            f" {LARGEST:,}"
        )


def _array(tensor: object, where: str) -> np.ndarray:
    """A tensor of any layout as float32: dense, not quantised, nothing negated lazily.

    Raises:
      ArtifactError: it has no values, as on the meta device, or they are no real numbers.
    """
    if tensor.is_meta:
        raise ArtifactError(f"{where} has a shape and no values (device meta): save the weights")
    if tensor.is_complex():
        raise ArtifactError(f"{where} holds complex numbers: expected real ones")
    try:
        plain = tensor.detach()
        plain = plain.dequantize() if plain.is_quantized else plain
        return plain.to_dense().resolve_conj().resolve_neg().float().numpy()
    except (RuntimeError, TypeError, ValueError, NotImplementedError) as error:
        raise ArtifactError(
            f"{where} is a tensor that is not read ({error_reason(error)}): save it as"
            " tensor.detach().to_dense().float().contiguous()"
        ) from error


def _plain(value: numbers.Real) -> int | float:
    return int(value) if isinstance(value, numbers.Integral) else float(value)
