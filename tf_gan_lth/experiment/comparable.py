"""Which runs can stand side by side: finished, on the same images, from one dense GAN.

Read from records alone, without TensorFlow; whether their scores are of one protocol,
`findings.side_by_side` says.
"""

from collections.abc import Sequence

from tf_gan_lth.experiment import inventory, paths
from tf_gan_lth.experiment.errors import RunFolderError, UsageError
from tf_gan_lth.experiment.run_folder import RunFolder

DenseGANs = dict[int, dict[str, str]]  # {replicate: {network: checksum of its trained weights}}


def check(runs: Sequence[RunFolder]) -> list[tuple[int, ...]]:
    """Checks that runs can be compared.

    Args:
      runs: compressions of a dense GAN; beside them others that begin with it, as its own run does.

    Returns:
      For each run, the numbers of its replicates that begin with the dense GAN. Of compressions all
      do; other runs may have replicates that begin with another.

    Raises:
      UsageError: a folder is no run, or is given twice.
      RunFolderError: a run is not finished, or is of other images or of another dense GAN.
    """
    _check_there(runs)
    unfinished = [line for line in map(_unfinished, runs) if line]
    if unfinished:
        raise RunFolderError(
            f"not finished: {'; '.join(unfinished)}; give the commands that made them again"
        )
    first = next((run for run in runs if dense_digest(run)), runs[0])
    for run in runs:
        _check_images(first, run)
    digest = dense_digest(first)
    for run in runs:
        if dense_digest(run) not in (None, digest):
            raise RunFolderError(
                f"{run.path} is of another dense GAN than {first.path}: digest {dense_digest(run)}"
                f" there and {digest} here; only compressions of one --dense can be compared"
            )
    return _beginning_alike(runs, first)


def dense_digest(run: RunFolder) -> str | None:
    """The digest of the dense GAN that a compression was given; None of any other run."""
    parent = parent_of(run)
    return parent and parent["digest"]


def parent_of(run: RunFolder) -> dict[str, object] | None:
    """The record of the dense GAN that a compression was given; None of any other run."""
    parent = run.parent.get() if run.parent.exists() else {}
    return parent if parent.get("round") == 0 else None


def _check_there(runs: Sequence[RunFolder]) -> None:
    for run in runs:
        if not run.config.exists():
            raise UsageError(f"{run.path} is no run: it has no config.json")
    paths.check_different([run.path for run in runs])


def _unfinished(run: RunFolder) -> str:
    """The run and its first training that is not complete; empty of a finished one."""
    planned = inventory.planned_trainings(run, run.read_config(), run.parent.exists())
    missing = [folder for folder in planned if not folder.is_complete()]
    if not missing:
        return ""
    return f"{run.path} ({len(missing)} of {len(planned)} trainings, from {missing[0].title} on)"


def _check_images(first: RunFolder, run: RunFolder) -> None:
    """Names do not count: a folder may have been moved. Earlier versions recorded less."""
    there, here = run.images.get(), first.images.get()
    odd = [n for n in here if n != "name" and there.get(n, here[n]) != here[n]]
    if odd:
        raise RunFolderError(
            f"{run.path} was trained on other images than {first.path}: {odd[0]} is"
            f" {there[odd[0]]} there and {here[odd[0]]} here"
        )


def _beginning_alike(runs: Sequence[RunFolder], first: RunFolder) -> list[tuple[int, ...]]:
    """The replicates of each run whose dense GAN is that of the compressions."""
    expected: DenseGANs = {}
    for run in runs:
        if dense_digest(run) or run is first:
            expected = {**_dense_gans(run), **expected}
    found = []
    for run in runs:
        alike = tuple(n for n, gan in _dense_gans(run).items() if expected.get(n) == gan)
        if not alike:
            raise RunFolderError(
                f"{run.path} begins with another dense GAN than {first.path}: no replicate has the"
                " same weights in its round 0; only compressions of one --dense can be compared"
            )
        found.append(alike)
    return found


def _dense_gans(run: RunFolder) -> DenseGANs:
    return {r.number: r.round(0).weights.checksums() for r in run.replicates()}
