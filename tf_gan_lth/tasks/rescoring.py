"""Scores any images against any reference under any protocol, for `evaluate.py`."""

import dataclasses
import pathlib
import statistics

from tf_gan_lth import data
from tf_gan_lth.data.listing import SPLITS
from tf_gan_lth.evaluation import (
    CLASS_SCORES,
    SCORES,
    Evaluator,
    Extractor,
    protocols,
    reference,
)
from tf_gan_lth.evaluation.protocols import Protocol
from tf_gan_lth.evaluation.reference import Reference
from tf_gan_lth.experiment import paths
from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.tasks.image_sources import Source, open_source


@dataclasses.dataclass(frozen=True)
class Request:
    """What to score, and how.

    Attributes:
      images: `folder:PATH`, `saved_model:PATH`, `tflite:PATH`, `onnx:PATH` or
        `round:RUN/replicate_0/round_05`.
      reference: `folder:PATH`, the name of a data set, or the path of an npz file of statistics.
      protocol: name of a protocol; None is the run's, if the images are of a round.
      feature_network: feature network to use instead of the protocol's; None is the protocol's.
      num_images: number of images to score instead of the protocol's; None is the protocol's.
      repeats: number of sample sets.
      seed: seed that the sample sets of a SavedModel are derived from.
      data_dir: folder of prepared TFDS data sets; None is TFDS's own.
      resolution: height and width to resize pictures in folders to (bilinear, antialiased), in
        pixels; None leaves them as they are.
      crop: see `pixels.fit`; None is the run's, if the images are of a round, else `none`.
      direction: `a2b` or `b2a`, of a round that translates.
      labels: which a conditional generator is asked for, instead of the protocol's: see `Protocol`.
    """

    images: str
    reference: str
    protocol: str | None = None
    feature_network: str | None = None
    num_images: int | None = None
    repeats: int = 1
    seed: int = 0
    data_dir: str | None = None
    resolution: int | None = None
    crop: str | None = None
    direction: str | None = None
    labels: str | None = None

    def __post_init__(self):
        for name, low in [("num_images", 2), ("repeats", 1), ("seed", 0), ("resolution", 1)]:
            value = getattr(self, name)
            if value is not None and value < low:
                raise UsageError(f"--{name}={value} is out of range: it must be at least {low}")


def evaluate(request: Request) -> dict[str, object]:
    """Scores images against a reference, on the replicas of the strategy in use.

    Returns:
      `images`, `reference`, `scores` (one record per sample set, as `Evaluator.score` returns it),
      the `mean` of every score over the sample sets and, if there are several, its
      `standard_deviation`.

    Raises:
      ToolkitError: the request is impossible, what it names is broken, or no score can be computed.
    """
    # Images, protocol and reference.
    named = protocols.get(request.protocol) if request.protocol else None
    source = open_source(
        request.images,
        named,
        request.seed,
        request.resolution,
        request.crop or "none",
        request.direction,
    )
    protocol = (named or _own_protocol(source)).but(
        feature_network=request.feature_network,
        crop=request.crop or (source.config and source.config.data.crop),
        labels=request.labels,
    )
    _check_labels(request, source)
    count = _count(request, source, protocol)
    extractor = Extractor.of(protocol, source.channels)
    evaluator = Evaluator(protocol, extractor, _real(request, protocol, source, extractor))

    if source.prior:
        source.prior = evaluator.prior(source.prior)

    # Scores of each sample set.
    scores = [
        evaluator.score(
            source.name,
            source.batches(count, repeat),
            count,
            source.ema,
            source.labels(count, repeat),
            source.config is not None,
        )
        for repeat in range(request.repeats)
    ]
    return {
        "images": source.name,
        "reference": request.reference,
        "resolution": request.resolution,
        "scores": scores,
        **_summary(scores),
    }


def _real(request: Request, protocol: Protocol, source: Source, extractor: Extractor) -> Reference:
    """The reference that a request names: an npz file, `folder:PATH`, or the name of a data set.

    A data set is loaded at the resolution of the images to compare; that of a round's run as the
    run itself loads it. Of a data set of two domains, the one is taken that pictures are translated
    to.

    Raises:
      UsageError: nothing of that name exists, the folder has only other splits, or there are two
        domains and pictures are translated to neither.
    """
    text, split, data_dir = request.reference, protocol.reference_split, request.data_dir
    resolution = request.resolution or source.resolution
    own = source.config if source.config and _is_dataset(text, source.config) else None
    if own:
        data_dir = data_dir or own.data.data_dir
        if extractor.network.size:
            resolution = own.evaluation.reference_resolution or resolution
    prefixed = text.startswith((data.FOLDER, data.NPZ))
    if not prefixed and text.lower().endswith(".npz"):
        path = paths.expand(text)
        if not path.is_file():
            raise UsageError(f"there is no file {path}")
        return reference.read(path, extractor)
    if not prefixed and text.lower().endswith(".npy"):
        raise UsageError(
            f"--reference={text} is a single array: expected an npz file of statistics, as"
            " make_statistics writes it, folder:PATH, or the name of a data set"
        )
    if source.target and _has_domains(text):
        domains = data.load_domains(text, split, resolution, data_dir, protocol.crop)
        return reference.of_images(domains.sets[source.target], extractor)
    if text in data.known_domains():
        raise UsageError(
            f"--reference={text} has two domains, for a round with --direction: give the pictures"
            " of one as folder:PATH"
        )
    if own:
        images = data.load(text, split, resolution, data_dir, protocol.crop)
        return reference.of_images(images, extractor)
    if text.startswith(data.FOLDER):
        folder = data.folder_path(text)
        split = _split_of_folder(folder, split)
        resolution = request.resolution
    images = data.open_images(text, split, resolution, data_dir, protocol.crop)
    return reference.of_images(images, extractor)


def _is_dataset(text: str, config: Config) -> bool:
    """Whether a reference is the data set of a run; a folder may be called by another path."""
    names = (text, config.data.dataset)
    if not all(name.startswith(data.FOLDER) for name in names):
        return names[0] == names[1]
    here, there = (data.folder_path(name).resolve() for name in names)
    return here == there


def _has_domains(text: str) -> bool:
    """Whether a reference is a data set of two domains."""
    if text.startswith(data.FOLDER):
        return (data.folder_path(text) / "trainA").is_dir()
    return text in data.known_domains()


def _split_of_folder(path: pathlib.Path, split: str) -> str | None:
    """The split if the folder has it; None if the folder has no splits at all."""
    others = [name for name in SPLITS if (path / name).is_dir()]
    if others and split not in others:
        raise UsageError(
            f"{path} has the splits {', '.join(others)}, the protocol compares with '{split}': give"
            f" folder:{path / others[0]}"
        )
    return split if others else None


def _check_labels(request: Request, source: Source) -> None:
    """Raises `UsageError` for labels that are asked of what takes none."""
    if request.labels and not (source.prior and source.prior.classes):
        raise UsageError(
            f"--labels={request.labels}: {source.name} takes no labels; that is for conditional"
            " generators"
        )


def _own_protocol(source: Source) -> Protocol:
    if source.protocol:
        return source.protocol
    raise UsageError(
        f"say how to score with --protocol. Known: {', '.join(sorted(protocols.PROTOCOLS))}"
    )


def _count(request: Request, source: Source, protocol: Protocol) -> int:
    """The number of images to score; raises `UsageError` if the source cannot supply them."""
    asked = request.num_images or protocol.num_images
    if source.available is None:
        if asked is None:
            raise UsageError(
                f"--protocol={protocol.name} scores as many images as there are: say how many with"
                " --num_images"
            )
        return asked
    if request.repeats > 1:
        raise UsageError(
            f"--repeats={request.repeats} needs a generator: {source.name} is one set of images"
        )
    if request.num_images and request.num_images > source.available:
        raise UsageError(
            f"--num_images={request.num_images}, but {source.name} has {source.available}"
        )
    return min(asked or source.available, source.available)


def _summary(scores: list[dict]) -> dict[str, dict[str, float | None]]:
    """Mean and standard deviation of the scores that all sample sets have."""
    values = {name: [record[name] for record in scores] for name in _names(scores[0])}
    known = {name: found for name, found in values.items() if None not in found}
    summary = {"mean": {name: statistics.fmean(found) for name, found in known.items()}}
    if len(scores) > 1:
        summary["standard_deviation"] = {
            name: statistics.stdev(found) for name, found in known.items()
        }
    return summary


def _names(record: dict[str, object]) -> list[str]:
    """The scores that a record has: those of classes only where they could be computed."""
    return [*SCORES, *(name for name in CLASS_SCORES if name in record)]


def table(evaluation: dict[str, object]) -> str:
    """Formats an evaluation as lines for a terminal."""
    # What was scored, and how.
    details = evaluation["scores"][0]["protocol_details"]
    repeats = len(evaluation["scores"])
    count = details["reference_images"]
    real_count = "an unknown number of" if count is None else f"{count:,}"
    sets = f", {repeats} sets of them" if repeats > 1 else ""
    lines = [
        f"images     {evaluation['images']}: {details['generated_images']:,}{sets}",
        (
            f"reference  {details['reference']}: {real_count} images, digest"
            f" {details['reference_digest']}"
        ),
        (
            f"protocol   {details['name']}, features of {details['feature_network']} (digest"
            f" {details['feature_network_digest']})"
        ),
    ]
    if evaluation["resolution"]:
        size = evaluation["resolution"]
        lines.append(f"resized    to {size}x{size}, bilinear, antialiased")
    lines.append("")

    # A line per score.
    deviations = evaluation.get("standard_deviation", {})
    for name in _names(evaluation["scores"][0]):
        if name not in evaluation["mean"]:
            lines.append(f"{name:<20} {'-':>12}")
            continue
        spread = f"  +- {deviations[name]:.4f}" if name in deviations else ""
        lines.append(f"{name:<20} {evaluation['mean'][name]:>12.4f}{spread}")
    if deviations:
        lines.append(f"\n+-: standard deviation over the {repeats} sets")
    return "\n".join(lines)
