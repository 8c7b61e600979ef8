"""Makes the statistics of real images that scores are computed against, and keeps them in the
user's cache folder too.

python scripts/make_statistics.py --dataset=digits --resolution=16 --feature_network=digits
--output=digits.npz python scripts/make_statistics.py --dataset=folder:photographs
--feature_network=inception --output=photographs.npz"""

import dataclasses
import pathlib

from absl import flags

from tf_gan_lth.cli import command_line

define = command_line.define_flag
define(
    flags.FLAGS,
    "Images",
    "dataset",
    str,
    None,
    "real images: the name of a data set, or folder:PATH; required",
)
define(
    flags.FLAGS,
    "Images",
    "split",
    str,
    None,
    "split of the data set, or subfolder of the folder; unset: train, or all of the folder",
)
define(
    flags.FLAGS,
    "Images",
    "resolution",
    int,
    None,
    "height and width to resize to, in pixels; unset: as they are",
)
define(
    flags.FLAGS,
    "Images",
    "data_dir",
    str,
    None,
    "folder of prepared TFDS data sets; unset: TFDS's own",
)
define(flags.FLAGS, "Statistics", "feature_network", str, None, "a name, path or URL; required")
define(
    flags.FLAGS,
    "Statistics",
    "features",
    bool,
    True,
    "keep the features beside mean and covariance: only FID does without",
)
define(flags.FLAGS, "Statistics", "output", str, None, "npz file to write; required")
flags.mark_flags_as_required(["dataset", "feature_network", "output"])


def main(values: flags.FlagValues) -> None:
    path = pathlib.Path(values.output)
    command_line.check_free(path, "output", ".npz")
    from tf_gan_lth import data
    from tf_gan_lth.evaluation import Extractor, Protocol, feature_networks, reference

    extractor = Extractor(
        feature_networks.load(values.feature_network), Protocol.resize_filter
    )  # that of every protocol
    images = data.open_images(values.dataset, values.split, values.resolution, values.data_dir)
    made = reference.of_images(images, extractor)
    if not values.features:
        made = dataclasses.replace(made, features=None)
    reference.ReferenceFile(path).put(made)
    print(
        f"{made.origin.count:,} images of {made.origin.images}, {len(made.gaussian.mu)} features,"
        f" digest {made.origin.digest}"
    )
    print(f"written to {path}: give it as --reference to scripts/evaluate.py")


if __name__ == "__main__":
    command_line.run(main, flags.FLAGS)
