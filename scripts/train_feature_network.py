"""Trains a feature network that ships with the package, and prints its accuracy on held-out images.

    python scripts/train_feature_network.py --dataset=digits --output=/tmp/digits_network python
    scripts/train_feature_network.py --dataset=shapes2stripes --epochs=20
    --output=/tmp/shapes_network

What the package ships was made by these commands, on two cores.
"""

import pathlib

from absl import flags

from tf_gan_lth.cli import command_line
from tf_gan_lth.experiment.errors import check_known

command_line.define_flag(
    flags.FLAGS,
    "Run",
    "dataset",
    str,
    None,
    "what to train it on: digits or shapes2stripes; required",
)
command_line.define_flag(
    flags.FLAGS, "Run", "output", str, None, "folder to write the SavedModel to; required"
)
command_line.define_flag(flags.FLAGS, "Run", "epochs", int, 60, "passes over the training images")
command_line.define_flag(
    flags.FLAGS, "Run", "seed", int, 0, "seed of weights, order and augmentation"
)
flags.mark_flags_as_required(["dataset", "output"])


def main(values: flags.FlagValues) -> None:
    output = pathlib.Path(values.output)
    command_line.check_free(output, "output")
    from tf_gan_lth.evaluation import embedded

    check_known("dataset", values.dataset, embedded.NETWORKS)
    recipe = embedded.NETWORKS[values.dataset]
    network, accuracy = embedded.train(recipe, values.epochs, values.seed)
    embedded.export(recipe, network, output)
    print(f"accuracy on held-out images: {accuracy:.1%}; written to {output}")


if __name__ == "__main__":
    command_line.run(main, flags.FLAGS)
