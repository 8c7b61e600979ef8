"""Files that the paper's own code wrote with `torch.save`, read without running what they hold."""

import hashlib
import numbers
import pathlib
import re
import warnings

import numpy as np

from tf_gan_lth.experiment import paths
from tf_gan_lth.experiment.errors import ArtifactError, UsageError
from tf_gan_lth.gans import gan_lth

AVERAGED = "_ema"
ENTRIES = {
    "gen_state_dict": "generator",
    "avg_gen_state_dict": "generator" + AVERAGED,
    "dis_state_dict": "discriminator",
}
READERS = {"generator": gan_lth.generator, "discriminator": gan_lth.discriminator}
NOTES = ("epoch", "round", "best_fid", "seed")

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
            f"{path.name} is PyTorch's: install what reads it with pip install 'tf_gan_lth[torch]'"
        ) from None
    # The scores in a checkpoint are NumPy scalars, written by NumPy 1 or 2.
    scalar = np.float64(0).__reduce__()[0]
    kinds = [type(np.dtype(kind)) for kind in ("float32", "float64", "int64")]
    names = [(scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")]
    try:
        with (
            torch.serialization.safe_globals([*names, np.dtype, *kinds]),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # reading a damaged pickle may raise anything
        refused = re.search(r"GLOBAL (\S+)", str(error))
        if refused:
            raise ArtifactError(
                f"{path} holds Python objects ({refused[1]}), which can run code when they are"
                " read: save a state_dict() instead"
            ) from error
        raise ArtifactError(f"{path} is broken, cut off or no file of torch.save") from error


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
    arrays = {key: tensor.detach().float().numpy() for key, tensor in state.items()}
    return READERS[name.removesuffix(AVERAGED)](arrays, where)


def _plain(value: numbers.Real) -> int | float:
    return int(value) if isinstance(value, numbers.Integral) else float(value)
