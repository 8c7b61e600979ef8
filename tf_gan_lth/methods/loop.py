"""The only loop: whatever a method yields is trained and scored, and its branches after it.

Every stage returns what the run folder has of it, so a run that was stopped continues with its next
unfinished stage, and one that is asked for more rounds adds them.
"""

from tf_gan_lth.experiment import provenance
from tf_gan_lth.experiment.artifacts import Artifact
from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.errors import RunFolderError
from tf_gan_lth.experiment.paths import Path
from tf_gan_lth.experiment.replicate_folder import ReplicateFolder, TrainingFolder
from tf_gan_lth.findings.results import by_generator
from tf_gan_lth.methods.bench import Bench, one_line_errors, tell_missing
from tf_gan_lth.methods.branches import BRANCHES
from tf_gan_lth.methods.candidate import Candidate, expand
from tf_gan_lth.methods.evaluations import with_best
from tf_gan_lth.methods.method import Method
from tf_gan_lth.methods.records import sparsity_record, training_record
from tf_gan_lth.tasks import Scores
from tf_gan_lth.training import Weights
from tf_gan_lth.training.model import STATIC


def run(method: Method, bench: Bench, replicate: ReplicateFolder, branches: bool = True) -> None:
    """Trains and scores the candidates of a method.

    Args:
      method: what yields them.
      bench: what trains and scores them.
      replicate: where to keep them.
      branches: whether to train the branches too; other processes can: see `jobs`.

    Raises:
      BusyError: another process is at this replicate.
    """
    with replicate.lock():
        replicate.clear()
        for candidate in method.candidates(bench, replicate):
            _score_untrained(bench, replicate)
            train_and_score(bench, candidate)
            if branches:
                for name in branches_of(bench.config, candidate.folder.round_number):
                    train_branch(bench, candidate, name)


def branches_of(config: Config, number: int) -> tuple[str, ...]:
    """The branches that round `number` gets."""
    return config.lottery.branches_of(number)


def train_branch(bench: Bench, candidate: Candidate, name: str) -> None:
    """Trains and scores one branch of a candidate, unless another process is at it."""
    folder = candidate.folder.branch(name)
    with folder.lock():
        # Of a branch that is complete nothing is made, only checked.
        variant = candidate if folder.is_complete() else BRANCHES[name](bench, candidate)
        train_and_score(bench, variant, folder)


def train_and_score(
    bench: Bench, candidate: Candidate, folder: TrainingFolder | None = None
) -> None:
    """Rewinds, trains and scores; what is there already is checked and kept.

    Args:
      bench: what trains and scores.
      candidate: what to train.
      folder: where to keep it, if that is not the candidate's own.
    """
    folder = folder or candidate.folder
    with one_line_errors(folder.title):
        _train_and_score(bench, candidate, folder)


def train(bench: Bench, candidate: Candidate) -> Weights:
    """Trains a phase of a method, which is not scored; returns what it became, if it is there."""
    folder = candidate.folder
    with one_line_errors(folder.title):
        folder.clear()
        weights = _trained(bench, candidate, folder)
        folder.checkpoint.remove()
        folder.training.get_or(training_record, bench, candidate)
    return weights


def _train_and_score(bench: Bench, candidate: Candidate, folder: TrainingFolder) -> None:
    folder.clear()
    for artifact in folder.missing():
        tell_missing(artifact, "trained" if artifact is folder.weights else "made")
    finished = folder.scores.exists()
    weights = _trained(bench, candidate, folder)
    folder.checkpoint.remove()
    folder.sparsity.get_or(sparsity_record, bench, folder.final_masks.get())
    folder.training.get_or(training_record, bench, candidate)
    folder.samples.get_or(bench.task.draw_samples, weights, folder.replicate)
    with provenance.timed(folder.times, "scoring", finished):
        scores = folder.scores.get_or(_scored, bench, weights, folder)
    check_protocol(bench, scores, folder.path)
    if not finished:
        bench.observer.scored(folder)


def _trained(bench: Bench, candidate: Candidate, folder: TrainingFolder) -> Weights:
    """The trained weights of a candidate; masks, and what training says of itself, beside them."""
    kept = folder.masks.get_or(expand, candidate.masks)
    if folder.weights.exists():
        missing = [made for made in _made_within(bench, folder) if not made.exists()]
        if not missing:
            return folder.weights.get()
        tell_missing(missing[0], "trained")
    with provenance.timed(folder.times, "training"):
        trained, seconds = bench.train(candidate, kept, folder)
        folder.training.put(training_record(bench, candidate, seconds))
        if trained.kept is not kept:
            # Where a kill left them alone, they are the same: a training is a function of its
            # start.
            folder.trained_masks.get_or(dict, trained.kept)
        return folder.weights.get_or(dict, trained.weights)


def _made_within(bench: Bench, folder: TrainingFolder) -> list[Artifact]:
    """What a training leaves beside its weights that nothing but training makes again."""
    made = []
    if bench.trainer.config.mask_update != STATIC:
        made.append(folder.trained_masks)
    if bench.config.evaluation.keep == "best" and not folder.scores.exists():
        made.append(folder.score_curve)
    return made


def _scored(bench: Bench, weights: Weights, folder: TrainingFolder) -> Scores:
    """The scores of a trained candidate, with the best of its training where these count."""
    scores = bench.task.score(weights, folder.replicate)
    options = bench.config.evaluation
    if options.keep == "last":
        return scores
    return with_best(scores, folder, bench.trainer.config.steps, options.score_every)


def _score_untrained(bench: Bench, folder: ReplicateFolder) -> None:
    """How the generators score before any training: what the scores of the rounds start from."""
    if not folder.initial.exists():
        return
    scores = folder.untrained_scores
    if not scores.exists():
        with one_line_errors(f"replicate {folder.number}, before training"):
            scores.put(bench.task.score(folder.initial.get(), folder.number))
    check_protocol(bench, scores.get(), folder.path)


def check_protocol(bench: Bench, scores: dict[str, object], where: Path) -> None:
    """Raises `RunFolderError` if scores were computed under another protocol than today's.

    Args:
      bench: what scores today.
      scores: as `scores.json` has them.
      where: they are kept, for the message.
    """
    for name, record in by_generator(scores).items():
        today = bench.task.evaluators[name].identity
        if record["protocol"] != today:
            raise RunFolderError(
                f"{where} was scored under {record['protocol']}, which is now {today}: the"
                " feature network or the reference images changed; give another --run_dir"
            )
