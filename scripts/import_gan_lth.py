"""Imports a checkpoint of the paper's own code (VITA-Group/GAN-LTH, its SNGAN;
GongXinyuu/sngan.pytorch) as a round of a run.

    python scripts/import_gan_lth.py --checkpoint=checkpoint_4_best.pth --run_dir=runs/theirs
    python scripts/evaluate.py --images=round:runs/theirs/replicate_0/round_05 --reference=cifar10

The file holds all networks, or a generator's state dict alone. Its round is told by its sparsity:
their checkpoint_4 is the fifth one that is pruned, our round_05. With
--initial=initial_gen_net.pth,initial_dis_net.pth the ticket can be trained again. Reading needs
PyTorch: pip install 'tf_gan_lth[torch]'. No code that a file holds is run."""

from absl import flags

from tf_gan_lth.cli import command_line

define = command_line.define_flag
define(flags.FLAGS, "Checkpoint", "checkpoint", str, None, "file that torch.save wrote; required")
define(
    flags.FLAGS,
    "Checkpoint",
    "initial",
    tuple,
    (),
    "files with theta_0 of both networks, by commas",
)
define(
    flags.FLAGS,
    "Checkpoint",
    "masks_from_zeros",
    bool,
    False,
    "take zeros for pruned weights in networks without masks",
)
define(flags.FLAGS, "Run", "run_dir", str, None, "folder of the run; required")
define(
    flags.FLAGS,
    "Run",
    "round",
    int,
    None,
    "number of the round; unset: what the generator's sparsity says",
)
define(flags.FLAGS, "Run", "dataset", str, "cifar10", "name of the data set that it was trained on")
define(
    flags.FLAGS,
    "Evaluation",
    "protocol",
    str,
    "paper",
    "name of the protocol that scores are computed under",
)
define(
    flags.FLAGS,
    "Evaluation",
    "feature_network",
    str,
    None,
    "a name, path or URL; unset: the protocol's",
)
define(
    flags.FLAGS,
    "Evaluation",
    "num_eval_images",
    int,
    None,
    "generated images a score is computed from; unset: the protocol's",
)
flags.mark_flags_as_required(["checkpoint", "run_dir"])


def main(values: flags.FlagValues) -> None:
    from tf_gan_lth.lottery import importing

    options = {
        name: values[name].value
        for name in ["dataset", "protocol", "feature_network", "num_eval_images"]
    }
    imported = importing.import_round(
        importing.Request(
            values.checkpoint,
            values.run_dir,
            options,
            tuple(values.initial),
            values.round,
            values.masks_from_zeros,
        )
    )
    print(importing.summary(imported))
    print(
        f"\nScore it: python scripts/evaluate.py --images=round:{imported.place.path}"
        f" --reference={imported.config.data.dataset}"
    )


if __name__ == "__main__":
    command_line.run(main, flags.FLAGS)
