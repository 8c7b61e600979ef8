"""A run with what was found out about it, as all parts of a page need it."""

import dataclasses

from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.experiment.replicate_folder import ReplicateFolder, generator_label
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.findings.judging import Found, judge_run


@dataclasses.dataclass(frozen=True)
class Judged(Found):
    """A run in its folder, with its config, its results and {generator: verdict}."""

    run: RunFolder
    config: configs.Config

    @property
    def first(self) -> ReplicateFolder:
        """The first replicate whose dense GAN is scored: that of the samples and layers."""
        return next(r for r in self.run.replicates() if r.round(0).scores.exists())


def judge(run: RunFolder) -> Judged:
    """A run with what was found out about it.

    Raises:
      UsageError: the folder is no run, or its dense GAN is not scored.
      EvaluationError: its scores are of several protocols.
    """
    if not run.config.exists():
        raise UsageError(f"{run.path} is no run: it has no config.json")
    if not any(replicate.round(0).scores.exists() for replicate in run.replicates()):
        raise UsageError(f"{run.path} has no scores of the dense GAN, round 0: nothing to report")
    results, verdicts = judge_run(run)
    return Judged(run.path.absolute().name, results, verdicts, run, run.read_config())


def titled(generator: str, text: str) -> str:
    """A sentence about a generator, after its direction if its GAN has several."""
    return f"{prefix_of(generator)}{text[:1].upper()}{text[1:]}"


def prefix_of(generator: str) -> str:
    """The direction that a generator translates in, before what is said of it, or nothing."""
    direction = generator_label(generator)
    return f"{direction}: " if direction else ""
