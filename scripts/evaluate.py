"""Scores images against real ones under a named protocol: FID, KID, Inception score, precision,
recall, density, coverage.

    python scripts/evaluate.py --images=round:runs/demo/replicate_0/round_05 --reference=digits
    python scripts/evaluate.py --images=folder:samples --reference=folder:photographs
    --protocol=quick --output=scores.json

Images are folder:PATH, saved_model:PATH or round:RUN/replicate_0/round_05 (or a branch of a round).
The reference is folder:PATH, the name of a data set, or an npz file of statistics.
docs/evaluation.md describes the protocols."""

from absl import flags

from tf_gan_lth.cli import command_line, paths
from tf_gan_lth.experiment.artifacts import Record
from tf_gan_lth.experiment.errors import check_known

define = command_line.define_flag
define(
    flags.FLAGS,
    "Images",
    "images",
    str,
    None,
    "what to score: folder:PATH, saved_model:PATH or round:PATH; required",
)
define(
    flags.FLAGS, "Images", "num_images", int, None, "images to score; unset: the protocol's number"
)
define(
    flags.FLAGS, "Images", "repeats", int, 1, "sample sets to draw from a generator and to score"
)
define(
    flags.FLAGS,
    "Images",
    "seed",
    int,
    0,
    "seed of a SavedModel's sample sets; those of a round are its run's",
)
define(
    flags.FLAGS,
    "Scores",
    "reference",
    str,
    None,
    "real images: folder:PATH, a data set or an npz file; required",
)
define(
    flags.FLAGS,
    "Scores",
    "protocol",
    str,
    None,
    "name of the protocol; unset: the run's own, of a round",
)
define(
    flags.FLAGS,
    "Scores",
    "feature_network",
    str,
    None,
    "a name, path or URL; unset: the protocol's",
)
define(
    flags.FLAGS,
    "Scores",
    "data_dir",
    str,
    None,
    "folder of prepared TFDS data sets; unset: TFDS's own",
)
define(
    flags.FLAGS,
    "Scores",
    "strategy",
    str,
    "auto",
    "devices to compute on: auto, one_device, mirrored (all GPUs here) or tpu",
)
define(
    flags.FLAGS, "Scores", "output", str, None, "JSON file to write every score and its protocol to"
)
flags.mark_flags_as_required(["images", "reference"])
STRATEGIES = (
    "auto",
    "one_device",
    "mirrored",
    "tpu",
)  # several workers train together, but score each for itself


def main(values: flags.FlagValues) -> None:
    output = Record(paths.parse(values.output)) if values.output else None
    if output:
        command_line.check_free(output.path, "output")
    check_known("strategy", values.strategy, STRATEGIES)
    from tf_gan_lth.lottery import rescoring
    from tf_gan_lth.training import devices

    names = [
        "images",
        "reference",
        "protocol",
        "feature_network",
        "num_images",
        "repeats",
        "seed",
        "data_dir",
    ]
    with devices.use(values.strategy).strategy.scope():
        evaluation = rescoring.evaluate(
            rescoring.Request(**{name: values[name].value for name in names})
        )
    print(rescoring.table(evaluation))
    if output:
        output.put(evaluation)
        print(f"\nwritten to {output.path}")


if __name__ == "__main__":
    command_line.run(main, flags.FLAGS)
