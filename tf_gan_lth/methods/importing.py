"""Checkpoints of the paper's own code (PyTorch) as rounds of a run: `import_gan_lth.py`."""

import dataclasses
import math
import warnings

import numpy as np

from tf_gan_lth import gans
from tf_gan_lth.data.datasets import BUILDERS, FOLDER
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.artifacts import Arrays, Artifact, Record
from tf_gan_lth.experiment.errors import (
    ArtifactError,
    RunFolderError,
    ToolkitWarning,
    UsageError,
    check_known,
)
from tf_gan_lth.experiment.replicate_folder import TrainingFolder
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.gans import gan_lth
from tf_gan_lth.gans.gan_lth_files import READERS, Networks, read_checkpoint
from tf_gan_lth.methods.imp import remaining as remaining_of
from tf_gan_lth.methods.records import network_record
from tf_gan_lth.pruning.masks import Elements, apply
from tf_gan_lth.pruning.wrapping import wrap
from tf_gan_lth.tasks.noise_to_image import protocol_of
from tf_gan_lth.training import EMA, Kept, Weights

STATISTICS = ("moving_mean", "moving_variance")
ROUND_TOLERANCE = 0.01  # rounds differ by far more: each has a fifth fewer weights than the last
LAST_ROUND = 99


@dataclasses.dataclass(frozen=True)
class Request:
    """What to import, and where to.

    Attributes:
      checkpoint: file that `torch.save` wrote: a checkpoint of GAN-LTH or sngan.pytorch, or a
        generator's state dict.
      run_dir: folder of the run: a new one, or one with imported rounds of the same experiment.
      options: the run's config: `dataset`, `protocol`, `feature_network`, `num_eval_images`.
      initial: files with theta_0 of both networks, in one file or two; empty if there are none.
      round: number of the round; None derives it from the generator's sparsity.
      masks_from_zeros: whether to take zeros for pruned weights in networks without masks.
    """

    checkpoint: str
    run_dir: str
    options: dict[str, object]
    initial: tuple[str, ...] = ()
    round: int | None = None
    masks_from_zeros: bool = False

    def __post_init__(self):
        if self.round is not None and not 0 <= self.round <= LAST_ROUND:
            raise UsageError(
                f"--round={self.round} is out of range: it must be from 0 to {LAST_ROUND}"
            )


@dataclasses.dataclass(frozen=True)
class Imported:
    """An imported round.

    Attributes:
      folder: folder of the round.
      config: config of its run.
      sparsity: {network: its sparsity record}.
      notes: what the checkpoint says about itself.
    """

    folder: TrainingFolder
    config: configs.Config
    sparsity: dict[str, dict]
    notes: dict[str, object]


def import_round(request: Request) -> Imported:
    """Reads the weights and masks of a checkpoint into a round of a run, completely or not at all.

    Raises:
      UsageError: a file is missing, PyTorch is not installed, an option is unknown, or the number
        of the round cannot be determined.
      ArtifactError: a file is broken, or holds something other than this SNGAN.
      RunFolderError: the round exists already, or the folder holds another experiment.
    """
    # Read the files.
    networks, notes = read_checkpoint(request.checkpoint)
    if "generator" not in networks:
        raise ArtifactError(
            f"{request.checkpoint} holds no generator: give one, and the discriminator's file as"
            " --initial"
        )
    initial = _read_initial(request.initial, networks, request.checkpoint)

    # Make config, masks, weights and sparsity of them.
    run = RunFolder(request.run_dir)
    masks = _masks(networks, request)
    config = _config(request, {**initial, **networks}, masks, run)
    masks = {
        name: masks.get(name) or _full_mask(networks[name])
        for name in config.lottery.prune
        if name in networks
    }
    weights = _masked_weights(networks, masks)
    sparsity = _sparsity(config, networks, weights, masks, request.checkpoint)

    # Write the round; the weights come last, since they mark it as there.
    replicate = run.replicate(0)
    folder = replicate.round(_round_number(request, masks["generator"], config.lottery.rate))
    if folder.weights.exists():
        raise RunFolderError(
            f"{folder.path} is there and is not overwritten: give another --run_dir or --round"
        )
    run.claim(config)
    if initial:
        _put_once(replicate.initial, {name: network.weights for name, network in initial.items()})
    _put_once(folder.masks, masks)
    _put_once(folder.sparsity, sparsity)
    _put_once(Record(folder.path / "imported.json"), notes)
    folder.weights.put(weights)
    return Imported(folder, config, sparsity, notes)


def _read_initial(files: tuple[str, ...], networks: Networks, checkpoint: str) -> Networks:
    """Reads theta_0 of both networks, checked against the checkpoint; empty without files."""
    initial: Networks = {}
    for file in files:
        found = {
            name: network for name, network in read_checkpoint(file)[0].items() if name in READERS
        }
        if found.keys() & initial.keys():
            raise UsageError(
                f"--initial={','.join(files)} has the {min(found.keys() & initial.keys())} twice"
            )
        initial.update(found)
    missing = sorted(READERS.keys() - initial.keys()) if files else []
    if missing:
        raise UsageError(
            f"--initial={','.join(files)} lacks the {missing[0]}: give the files of both networks,"
            " by commas"
        )
    for name in initial.keys() & networks.keys():
        _check_initial(
            initial[name], networks[name], f"--initial={','.join(files)}, {name}", checkpoint
        )
    return initial


def _check_initial(
    initial: gan_lth.Network, network: gan_lth.Network, where: str, checkpoint: str
) -> None:
    shapes = {path: array.shape for path, array in initial.weights.items()}
    expected = {path: array.shape for path, array in network.weights.items()}
    odd = [path for path in {**expected, **shapes} if shapes.get(path) != expected.get(path)]
    if odd:
        path = odd[0]
        raise ArtifactError(
            f"{where}: {path} is {shapes.get(path)} there and {expected.get(path)} in {checkpoint}:"
            " another network"
        )
    # The paper's code does not train pruned weights, so in a checkpoint they are those of theta_0.
    for path, kept in (network.mask or {}).items():
        pruned = network.weights[path][~kept]
        if pruned.any() and not np.array_equal(pruned, initial.weights[path][~kept]):
            warnings.warn(
                f"{where} may not be what the ticket started from: pruned weights of {path} are"
                f" others in {checkpoint}",
                ToolkitWarning,
                stacklevel=2,
            )
            return


def _masks(networks: Networks, request: Request) -> Kept:
    """The masks of the networks that are pruned.

    The live generator's mask is preferred to the averaged one's.
    """
    masks = {}
    for name in (name for name in READERS if name in networks):
        network = networks[name]
        average = networks.get(name + EMA)
        mask = network.mask or (average and average.mask)

        # Without a mask, zeros may stand for one.
        zeros = {path: network.weights[path] != 0 for path in network.kernels}
        found = Elements(zeros)
        remaining, total = found.remaining, found.total
        if mask is None and remaining < total:
            if request.masks_from_zeros:
                mask = zeros
            elif remaining < 0.99 * total:
                warnings.warn(
                    f"{request.checkpoint}: {1 - remaining / total:.1%} of the {name}'s weights are"
                    " zero and it has no mask; --masks_from_zeros takes them for pruned",
                    ToolkitWarning,
                    stacklevel=2,
                )
        if mask is not None:
            masks[name] = mask
    return masks


def _full_mask(network: gan_lth.Network) -> Arrays:
    return Elements.everything(network.weights, network.kernels).expand()


def _config(request: Request, networks: Networks, masks: Kept, run: RunFolder) -> configs.Config:
    """The run's config, from the networks and the request."""
    generator = networks["generator"]
    discriminator = networks.get("discriminator")
    pruned = tuple(name for name in READERS if name == "generator" or name in masks)
    # Another round of the run may have masks where this one, the dense one, has none.
    if run.config.exists():
        there = run.read_config().lottery.prune
        pruned = there if set(pruned) < set(there) else pruned
    config = configs.from_options(
        {
            **request.options,
            "gan": "sngan",
            "resolution": generator.resolution,
            "width": generator.width,
            "discriminator_width": discriminator.width if discriminator else None,
            "prune": pruned,
        }
    )
    # Unknown names are refused before anything is written.
    if not config.data.dataset.startswith(FOLDER):
        check_known("dataset", config.data.dataset, BUILDERS)
    protocol_of(config)
    return config


def _masked_weights(networks: Networks, masks: Kept) -> Weights:
    """Snapshots in which pruned weights are zero.

    The averaged generator gets the batch-norm statistics and masks of the live one. The paper's
    code scores the averaged parameters inside the live network, so the statistics and masks that it
    stores beside the averages are not those of its scores; some of its scripts leave the dense
    network's there.
    """
    live = networks["generator"].weights
    statistics = {path: array for path, array in live.items() if path.endswith(STATISTICS)}
    weights = {}
    for name, network in networks.items():
        snapshot = {**network.weights, **statistics} if name.endswith(EMA) else network.weights
        weights[name] = apply(snapshot, masks.get(name.removesuffix(EMA), {}))
    return weights


def _sparsity(
    config: configs.Config, networks: Networks, weights: Weights, masks: Kept, checkpoint: str
) -> dict[str, dict]:
    """The sparsity record of every network.

    Raises:
      ArtifactError: the snapshots do not fit the networks of the config.
    """
    generator = networks["generator"]
    images = gans.ImageShape(config.data.resolution, generator.channels)
    gan = gans.build(gans.find("sngan"), config, images, seed=0)
    try:
        for name, snapshot in weights.items():
            gans.load_snapshot(gan.networks[name.removesuffix(EMA)], snapshot)
    except ArtifactError as error:
        raise ArtifactError(f"{checkpoint}: the networks do not fit each other: {error}") from None
    return {
        name: network_record(
            wrap(gan.networks[name]), Elements(masks[name]) if name in masks else None
        )
        for name in READERS
        if name in networks
    }


def _round_number(request: Request, mask: Arrays, rate: float) -> int:
    """The round that the user gave, or the one that leaves as many weights as the mask."""
    if request.round is not None:
        return request.round
    found = Elements(mask)
    remaining, total = found.remaining, found.total
    for number in range(LAST_ROUND + 1):
        if math.isclose(remaining, remaining_of(rate, number, total), rel_tol=ROUND_TOLERANCE):
            return number
    raise UsageError(
        f"{request.checkpoint} keeps {remaining / total:.2%} of the generator's weights, which no"
        f" round leaves that prunes {rate:.0%} each: say which one it is with --round"
    )


def _put_once(artifact: Artifact, value: dict) -> None:
    """Writes an artifact, or checks that an earlier import wrote the same."""
    if not artifact.exists():
        artifact.put(value)
    elif not _equal(artifact.get(), value):
        raise RunFolderError(
            f"{artifact.path} holds something else and is not overwritten: give another --run_dir"
            " or --round"
        )


def _equal(there: object, here: object) -> bool:
    if isinstance(here, dict):
        return (
            isinstance(there, dict)
            and there.keys() == here.keys()
            and all(_equal(there[key], here[key]) for key in here)
        )
    return np.array_equal(there, here)


def summary(imported: Imported) -> str:
    """Summarises an imported round as lines for a terminal."""
    lines = []
    for name, record in imported.sparsity.items():
        share = record["remaining"] / record["total"]
        lines.append(
            f"{name:<14} {record['parameters']:>10,} parameters, {share:.1%} of {record['total']:,}"
            " prunable weights remain"
        )
    if "best_fid" in imported.notes:
        lines.append(
            f"{'their score':<14} FID {imported.notes['best_fid']:.2f}, the best of their training"
        )
    lines.append(f"written to {imported.folder.path}")
    return "\n".join(lines)
