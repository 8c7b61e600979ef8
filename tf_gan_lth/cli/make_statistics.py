r"""Makes the statistics of real images that scores are computed against.

    tf-gan-lth make_statistics --dataset=digits --resolution=16 --feature_network=digits \
        --output=digits.npz
    tf-gan-lth make_statistics --dataset=folder:photographs --feature_network=inception \
        --output=photographs.npz

They are kept in the user's cache folder too.
"""

import dataclasses
import functools

from absl import flags

from tf_gan_lth.cli import command_line, names, outputs
from tf_gan_lth.experiment.sections import CROPS


def define(values: flags.FlagValues) -> None:
    """Defines the flags of this command."""
    images = functools.partial(command_line.define_flag, values, "Images")
    images(
        "dataset",
        str,
        None,
        "real images: the name of a data set, or folder:PATH; required",
        names.DATASET,
    )
    images(
        "split",
        str,
        None,
        "split of the data set, or subfolder of the folder; unset: train, or all of the folder",
    )
    images("resolution", int, None, "height and width to resize to, in pixels; unset: as they are")
    images(
        "crop",
        str,
        "none",
        "center takes the middle square of what is not square",
        names.words("crop", CROPS),
    )
    images("data_dir", str, None, "folder of prepared TFDS data sets; unset: TFDS's own")
    statistics = functools.partial(command_line.define_flag, values, "Statistics")
    statistics("feature_network", str, None, "a name, path or URL; required", names.FEATURE_NETWORK)
    statistics(
        "features",
        bool,
        True,
        "keep the features beside mean and covariance: only FID does without",
    )
    statistics("output", str, None, "npz file to write; required")
    flags.mark_flags_as_required(["dataset", "feature_network", "output"], flag_values=values)


def main(values: flags.FlagValues) -> None:
    """Does what the flags say."""
    path = outputs.new_on_disk(values.output, "output", ".npz")
    command_line.start_tensorflow(values, "make_statistics")
    from tf_gan_lth import data
    from tf_gan_lth.evaluation import Extractor, Protocol, feature_networks, reference

    network = feature_networks.load(values.feature_network)
    images = data.open_images(
        values.dataset, values.split, values.resolution, values.data_dir, values.crop
    )
    # Every protocol has this filter.
    extractor = Extractor(network, Protocol.resize_filter, images.channels)
    made = reference.of_images(images, extractor)
    if not values.features:
        made = dataclasses.replace(made, features=None)
    reference.ReferenceFile(path).put(made)
    print(
        f"{made.origin.count:,} images of {made.origin.images}, {len(made.gaussian.mu)} features,"
        f" digest {made.origin.digest}"
    )
    evaluate = command_line.spell("evaluate")
    print(f"written to {path}; to score against them: {evaluate} --reference={path} --images=...")
