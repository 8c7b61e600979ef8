r"""Trains a feature network that ships with the package.

    tf-gan-lth train_feature_network --dataset=digits --output=/tmp/digits_network
    tf-gan-lth train_feature_network --dataset=shapes2stripes --epochs=20 \
        --output=/tmp/shapes_network

Prints its accuracy on held-out images. What the package ships was made by these commands, on two
cores.
"""

import functools

from absl import flags

from tf_gan_lth.cli import command_line, names, outputs


def define(values: flags.FlagValues) -> None:
    """Defines the flags of this command."""
    run = functools.partial(command_line.define_flag, values, "Run")
    run(
        "dataset",
        str,
        None,
        "what to train it on: digits or shapes2stripes; required",
        names.EMBEDDED_DATASET,
    )
    run("output", str, None, "folder to write the SavedModel to; required")
    run("epochs", int, 60, "passes over the training images")
    run("seed", int, 0, "seed of weights, order and augmentation")
    flags.mark_flags_as_required(["dataset", "output"], flag_values=values)


def main(values: flags.FlagValues) -> None:
    """Does what the flags say."""
    output = outputs.new_on_disk(values.output, "output")
    command_line.start_tensorflow(values, "train_feature_network")
    from tf_gan_lth.evaluation import embedded

    recipe = embedded.NETWORKS[values.dataset]
    network, accuracy = embedded.train(recipe, values.epochs, values.seed)
    embedded.export(recipe, network, output)
    print(f"accuracy on held-out images: {accuracy:.1%}; written to {output}")
