"""Imports a checkpoint of the paper's own code as a round of a run.

    tf-gan-lth import_gan_lth --checkpoint=checkpoint_4_best.pth --run_dir=runs/theirs
    tf-gan-lth evaluate --images=round:runs/theirs/replicate_0/round_05 --reference=cifar10

That is the SNGAN of VITA-Group/GAN-LTH or of GongXinyuu/sngan.pytorch. The file holds all networks,
or a generator's state dict alone. Its round is told by its sparsity: their checkpoint_4 is the
fifth one that is pruned, our round_05. With --initial=initial_gen_net.pth,initial_dis_net.pth the
ticket can be trained again. Reading needs PyTorch: pip install 'tf_gan_lth[torch]'. No code that a
file holds is run.
"""

import functools

from absl import flags

from tf_gan_lth.cli import command_line, names

OPTIONS = ("dataset", "protocol", "feature_network", "num_eval_images")


def define(values: flags.FlagValues) -> None:
    """Defines the flags of this command."""
    checkpoint = functools.partial(command_line.define_flag, values, "Checkpoint")
    checkpoint("checkpoint", str, None, "file that torch.save wrote; required")
    checkpoint("initial", tuple, (), "files with theta_0 of both networks, by commas")
    checkpoint(
        "masks_from_zeros", bool, False, "take zeros for pruned weights in networks without masks"
    )
    run = functools.partial(command_line.define_flag, values, "Run")
    run("run_dir", str, None, "folder of the run; required")
    run("round", int, None, "number of the round; unset: what the generator's sparsity says")
    run(
        "dataset",
        str,
        "cifar10",
        "name of the data set that it was trained on",
        names.PREPARED_DATASET,
    )
    evaluation = functools.partial(command_line.define_flag, values, "Evaluation")
    evaluation(
        "protocol",
        str,
        "paper",
        "name of the protocol that scores are computed under",
        names.PROTOCOL,
    )
    evaluation(
        "feature_network",
        str,
        None,
        "a name, path or URL; unset: the protocol's",
        names.FEATURE_NETWORK,
    )
    evaluation(
        "num_eval_images",
        int,
        None,
        "generated images a score is computed from; unset: the protocol's",
    )
    flags.mark_flags_as_required(["checkpoint", "run_dir"], flag_values=values)


def main(values: flags.FlagValues) -> None:
    """Does what the flags say."""
    command_line.start_tensorflow(values, "import_gan_lth")
    from tf_gan_lth.methods import importing

    imported = importing.import_round(
        importing.Request(
            values.checkpoint,
            values.run_dir,
            {name: values[name].value for name in OPTIONS},
            tuple(values.initial),
            values.round,
            values.masks_from_zeros,
        )
    )
    print(importing.summary(imported))
    print(
        f"\nScore it: {command_line.spell('evaluate')} --images=round:{imported.folder.path}"
        f" --reference={imported.config.data.dataset}"
    )
