r"""Scores images against real ones under a named protocol.

    tf-gan-lth evaluate --images=round:runs/demo/replicate_0/round_05 --reference=digits
    tf-gan-lth evaluate --images=round:runs/stripes/replicate_0/round_03 --direction=a2b \
        --reference=shapes2stripes
    tf-gan-lth evaluate --images=folder:samples --reference=folder:photographs --protocol=quick \
        --output=scores.json

The scores are FID, KID, Inception score, precision, recall, density and coverage. Images are
folder:PATH, saved_model:PATH, tflite:PATH, onnx:PATH or round:RUN/replicate_0/round_05 (or a
branch of a round). The reference is folder:PATH, the name of a data set, or an npz file of
statistics. docs/evaluation.md describes the protocols.
"""

import functools

from absl import flags

from tf_gan_lth.cli import command_line, names, outputs
from tf_gan_lth.experiment import paths
from tf_gan_lth.experiment.sections import CROPS, LABELS

# Several workers train together, but score each for itself.
STRATEGIES = ("auto", "one_device", "mirrored", "tpu")
REQUEST = (
    "images",
    "reference",
    "protocol",
    "feature_network",
    "num_images",
    "repeats",
    "seed",
    "data_dir",
    "resolution",
    "crop",
    "direction",
    "labels",
)


def define(values: flags.FlagValues) -> None:
    """Defines the flags of this command."""
    images = functools.partial(command_line.define_flag, values, "Images")
    images(
        "images",
        str,
        None,
        "what to score: folder:PATH, saved_model:PATH, tflite:PATH, onnx:PATH or round:PATH;"
        " required",
    )
    images("num_images", int, None, "images to score; unset: the protocol's number")
    images(
        "resolution",
        int,
        None,
        "height and width to resize pictures in folders to (bilinear, antialiased), in pixels;"
        " unset: as they are, all of one size",
    )
    images(
        "crop",
        str,
        None,
        "center takes the middle square of pictures and of a data set that are not square; unset:"
        " as the run of a round does, else none",
        names.words("crop", CROPS),
    )
    images(
        "direction",
        str,
        None,
        "a2b or b2a, of a round that translates: it is scored on its run's test pictures",
        names.DIRECTION,
    )
    images(
        "labels",
        str,
        None,
        "uniform or data: which labels a conditional generator is asked for, all classes alike or"
        " each as often as the reference has it; unset: the protocol's",
        names.words("labels", LABELS),
    )
    images("repeats", int, 1, "sample sets to draw from a generator and to score")
    images("seed", int, 0, "seed of a SavedModel's sample sets; those of a round are its run's")
    scores = functools.partial(command_line.define_flag, values, "Scores")
    scores(
        "reference",
        str,
        None,
        "real images: folder:PATH, a data set or an npz file; required",
        names.REFERENCE,
    )
    scores(
        "protocol",
        str,
        None,
        "name of the protocol; unset: the run's own, of a round",
        names.PROTOCOL,
    )
    scores(
        "feature_network",
        str,
        None,
        "a name, path or URL; unset: the protocol's",
        names.FEATURE_NETWORK,
    )
    scores("data_dir", str, None, "folder of prepared TFDS data sets; unset: TFDS's own")
    scores(
        "strategy",
        str,
        "auto",
        "devices to compute on: auto, one_device, mirrored (all GPUs here) or tpu",
        names.words("strategy", STRATEGIES),
    )
    scores("output", str, None, "JSON file to write every score and its protocol to")
    flags.mark_flags_as_required(["images", "reference"], flag_values=values)


def main(values: flags.FlagValues) -> None:
    """Does what the flags say."""
    from tf_gan_lth.experiment.artifacts import Record

    output = Record(paths.parse(values.output)) if values.output else None
    if output:
        outputs.check_free(output.path, "output")
    command_line.start_tensorflow(values, "evaluate")
    from tf_gan_lth.tasks import rescoring
    from tf_gan_lth.training import devices

    request = rescoring.Request(**{name: values[name].value for name in REQUEST})
    with devices.use(values.strategy).strategy.scope():
        evaluation = rescoring.evaluate(request)
    print(rescoring.table(evaluation))
    if output:
        output.put(evaluation)
        print(f"\nwritten to {output.path}")
