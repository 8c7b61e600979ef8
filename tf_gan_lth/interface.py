"""The Python interface: everything that the commands do, without flags, for programs and notebooks.

import tf_gan_lth as lth

gan = lth.GAN(generator=my_generator, discriminator=my_discriminator, loss="hinge")
run = lth.find_ticket(gan, images, run_dir="runs/mine", steps=2000, rounds=5)
print(run.verdict.sentence)
generator = run.ticket(5).generator()
"""

import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth import data, export, findings, gans, report
from tf_gan_lth.cli.progress import Progress
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment import paths, plugins
from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.experiment.replicate_folder import MAIN, TrainingFolder
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.findings import side_by_side
from tf_gan_lth.findings.results import by_generator
from tf_gan_lth.gans import GANSpec
from tf_gan_lth.gans.own import own_gan as GAN  # noqa: N812  as users read it: lth.GAN(...)
from tf_gan_lth.methods import Method, Observer, compressing, jobs, setup
from tf_gan_lth.tasks.image_sources import load_generator
from tf_gan_lth.training import EMA, Kept, Weights, devices

__all__ = ["GAN", "Config", "Run", "Ticket", "compare", "compress", "find_ticket", "open_run"]

Images = str | np.ndarray | tf.data.Dataset | data.ImageSet
# Protocols that need no option beside them, by what the GAN makes.
GREY, COLOUR, TRANSLATED = "digits", "quick", "cyclegan"


def find_ticket(
    gan: str | GANSpec,
    images: Images,
    run_dir: str | os.PathLike,
    *,
    labels: np.ndarray | None = None,
    strategy: str = "auto",
    progress: bool = True,
    **options: object,
) -> "Run":
    """Finds a lottery ticket: trains, prunes, rewinds and scores, round by round.

    The same call continues a run that was stopped; more `rounds` or `replicates` extend it.

    Args:
      gan: what `GAN` returns, the name of one (`sngan`, `cyclegan`), or `my_gan.py:NAME`.
      images: to train on: an array `(N, H, W, C)`, uint8 or float in [-1, 1]; a finite
        `tf.data.Dataset` of such images; or the name of a data set, `folder:PATH` or `npz:PATH`.
      run_dir: folder of the run.
      labels: `(N,)` class numbers of an array, for a conditional GAN.
      strategy: devices to compute on: see `--strategy`.
      progress: whether to print what the command prints.
      **options: those of the command, by name: `steps=2000, rounds=5, branches=("random_mask",)`.
        Without `protocol`, grey images are scored by `digits`, colour ones by `quick`, which needs
        the Inception network.

    Returns:
      The finished run.

    Raises:
      ToolkitError: what is asked for cannot be; the message says what to change.
    """
    config = _config(gan, images, labels, options)
    plugins.load(config.networks.plugins)
    return _run(config, None, run_dir, strategy, progress)


def compress(
    dense: "str | os.PathLike | Run",
    run_dir: str | os.PathLike,
    *,
    method: str,
    budgets: Sequence[float],
    gan: GANSpec | None = None,
    images: Images | None = None,
    labels: np.ndarray | None = None,
    strategy: str = "auto",
    progress: bool = True,
    **options: object,
) -> "Run":
    """Makes the generator of a trained dense GAN small, to budgets: round k is budget k.

    Networks, data, training and protocol are those of the dense GAN's run. The same call continues
    a run that was stopped; more `replicates` extend it.

    Args:
      dense: a finished run, whose replicates' dense GANs those of this run start from; or the path
        of one of its replicates, whose dense GAN all start from.
      run_dir: folder of the new run.
      method: name of a compressor, as of `--method`.
      budgets: shares of the generator's multiply-accumulates, in (0, 1].
      gan, images, labels: of the dense run, if they were built in Python: see `find_ticket`.
      strategy, progress: as of `find_ticket`.
      **options: those of the command, by name: `steps=2000, terms=("distill_images:5",)`.

    Returns:
      The finished run.

    Raises:
      ToolkitError: what is asked for cannot be; the message says what to change.
    """
    if gan is not None:
        gans.remember(gan)
    own = None if images is None else _own_images(images, labels)
    if own is not None:
        data.remember(own)
    path = dense.folder.path if isinstance(dense, Run) else dense
    given = {**options, "method": method, "budgets": budgets}
    config, compressor = compressing.prepare(str(path), given)
    return _run(config, compressor, run_dir, strategy, progress)


def compare(*runs: "str | os.PathLike | Run") -> list[dict[str, object]]:
    """Puts compressions of one dense GAN side by side.

    Args:
      *runs: finished compressions, or their folders; runs that begin with the same dense GAN, as
        its own does, may be among them.

    Returns:
      A row for each method and budget, and for the dense GAN, {column: value}, in means over
      replicates: what `pandas.DataFrame` takes. Columns are those of the command's `.csv`.

    Raises:
      ToolkitError: they cannot be compared; the message says why.
    """
    if not runs:
        raise UsageError("which runs? give those that are to be compared")
    folders = [run.folder if isinstance(run, Run) else RunFolder(run) for run in runs]
    return side_by_side.rows(side_by_side.read(folders))


def _run(
    config: Config,
    method: Method | None,
    run_dir: str | os.PathLike,
    strategy: str,
    progress: bool,
) -> "Run":
    """Trains what a config says; None is the method that it names."""
    here = devices.use(strategy, config)
    with devices.open_run(str(run_dir), here) as folder:
        observer = Progress(folder) if progress else Observer()
        method, bench = setup.set_up(config, folder, here.strategy, observer, method)
        jobs.run(method, bench, folder)
        if progress:
            report.conclude(folder)
        else:
            report.finish(folder)
    return Run(folder)


def _config(
    gan: str | GANSpec, images: Images, labels: np.ndarray | None, options: dict[str, object]
) -> Config:
    """The config of a run; what was built in Python gets the names that it uses."""
    if isinstance(gan, GANSpec):
        gans.remember(gan)
    spec = gan if isinstance(gan, GANSpec) else gans.find(gan)
    own = _own_images(images, labels)
    options = {"gan": spec.name, "dataset": own.dataset if own else images, **options}
    if own is not None:
        data.remember(own)
        options.setdefault("resolution", own.shape[0])
    options.setdefault("protocol", _usual_protocol(spec, own))
    return configs.from_options(options)


def open_run(path: str | os.PathLike, gan: GANSpec | None = None) -> "Run":
    """Opens the run in a folder, whoever made it.

    Args:
      path: of the run folder.
      gan: the run's GAN, if it was built in Python by another process; only `Ticket.generator`
        needs it.

    Raises:
      UsageError: there is no run.
    """
    folder = RunFolder(path)
    if not folder.config.exists():
        raise UsageError(f"{folder.path} is not a run: it has no config.json")
    if gan is not None:
        gans.remember(gan)
    return Run(folder)


class Run:
    """A run: what it found, read from its folder.

    Attributes:
      folder: where its artifacts are.
    """

    def __init__(self, folder: RunFolder):
        self.folder = folder

    def __repr__(self) -> str:
        return f"Run({str(self.folder.path)!r})"

    @property
    def config(self) -> Config:
        """What was asked."""
        return self.folder.read_config()

    @property
    def used(self) -> dict[str, object]:
        """Every option as it was resolved; empty for runs of versions that did not record it."""
        return self.folder.config.get().get("used", {})

    def results(self) -> list[dict[str, object]]:
        """A row for each scored generator, {column: value}: what `pandas.DataFrame` takes."""
        return findings.rows(findings.read_results(self.folder))

    @property
    def verdicts(self) -> dict[str, findings.Verdict]:
        """{generator: its verdict}. Raises `UsageError` if no dense GAN is scored yet."""
        if not findings.read_results(self.folder):
            raise UsageError(f"{self.folder.path} has no scores yet: its dense GAN is not trained")
        return findings.judge_run(self.folder)[1]

    @property
    def verdict(self) -> findings.Verdict:
        """The verdict of a GAN with one generator. Raises `UsageError` if there are several."""
        verdicts = self.verdicts
        if len(verdicts) > 1:
            names = ", ".join(verdicts)
            raise UsageError(f"there is a verdict for each of {names}: take run.verdicts[name]")
        return next(iter(verdicts.values()))

    def ticket(self, round_number: int, replicate: int = 0, branch: str = MAIN) -> "Ticket":
        """The ticket of a round, or what a branch trained instead; round 0 is the dense GAN.

        Raises:
          UsageError: there is no such training, or it is not finished.
        """
        folder = self.folder.replicate(replicate).round(round_number)
        if branch != MAIN:
            folder = folder.branch(branch)
        if not folder.weights.exists():
            raise UsageError(f"{self.folder.path} has no trained {folder.title}")
        return Ticket(self.folder, folder)


class Ticket:
    """A training of a run.

    Attributes:
      run: where the run is kept.
      folder: where the training is kept.
    """

    def __init__(self, run: RunFolder, folder: TrainingFolder):
        self.run = run
        self.folder = folder

    def __repr__(self) -> str:
        return f"Ticket({str(self.folder.path)!r})"

    @property
    def masks(self) -> Kept:
        """{network: {variable path: bools, True keeps}} of the networks that were pruned."""
        return self.folder.final_masks.get()

    @property
    def weights(self) -> Weights:
        """{network: {variable path: array}}, trained; `<network>_ema` are averages."""
        return self.folder.weights.get()

    @property
    def scores(self) -> dict[str, dict[str, object]]:
        """{generator: its score record}."""
        return by_generator(self.folder.scores.get())

    def generator(
        self, name: str | None = None, averaged: bool = True, slim: bool = False
    ) -> keras.Model:
        """The trained generator as a Keras model; its pruned weights are exactly zero.

        Args:
          name: which one, of a GAN that has several.
          averaged: its averaged parameters, if it has averages.
          slim: without the pruned channels of a ticket of channels; it computes the same.

        Raises:
          UsageError: there is no such generator, or it takes a name to tell which; or `slim` of a
            ticket of single weights.
        """
        names = list(self.scores)
        if name is None and len(names) > 1:
            raise UsageError(f"give the name of a generator: {', '.join(names)}")
        name = name or names[0]
        if name not in names:
            raise UsageError(f"there is no generator '{name}': there is {', '.join(names)}")
        weights = self.weights
        snapshot = weights.get(name + EMA, weights[name]) if averaged else weights[name]
        gan = load_generator(self.run, self.folder, name, snapshot)
        if not slim:
            return gan.networks[name]
        lottery = self.run.read_config().lottery
        if lottery.unit != "channel":
            raise UsageError(
                "a ticket of single weights leaves every channel: only one that was found with"
                " unit='channel' can be slim"
            )
        kept = self.masks.get(name)
        if kept is None:
            return gan.networks[name]
        mask = export.channels_of(lottery, gan, name, kept)
        return export.slim_generator(gan, name, snapshot, mask)[0]

    def export(
        self,
        output: str | os.PathLike,
        formats: Sequence[str] = ("saved_model",),
        *,
        direction: str | None = None,
        measure: Sequence[str] = (),
    ) -> dict[str, object]:
        """Writes the generator in several formats, as the command `export` does.

        Args:
          output: new folder for the files and the card.
          formats: names of formats, as of `--format`.
          direction: `a2b` or `b2a`, of a GAN that translates.
          measure: what the card measures beside bytes: `speed`, `memory`, `scores`. Speed and
            memory are measured in processes of their own: a program that asks for them does so
            below `if __name__ == "__main__":`.

        Returns:
          The card, as `card.json` has it.

        Raises:
          UsageError: a format is unknown, or the output exists.
          ExportError: a converter fails, or returns another function, or what measures dies.
        """
        found = export.open_training(self.run, self.folder, direction)
        return export.export(found, formats, paths.on_disk(output), measure)


def _own_images(images: Images, labels: np.ndarray | None) -> data.ImageSet | None:
    """Images that were given as such; None of a name."""
    if isinstance(images, data.ImageSet):
        return images
    if isinstance(images, tf.data.Dataset):
        return data.from_dataset(images)
    if isinstance(images, str):
        if labels is not None:
            raise UsageError(f"labels belong to an array of images, not to '{images}'")
        return None
    return data.from_array(images, labels)


def _usual_protocol(spec: GANSpec, images: data.ImageSet | None) -> str:
    if spec.prior is None:
        return TRANSLATED
    return COLOUR if images is not None and images.channels == 3 else GREY
