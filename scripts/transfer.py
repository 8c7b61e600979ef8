"""Trains a ticket on another data set or with another loss, beside the dense GAN and the controls,
in a run folder of its own.

    python scripts/transfer.py --ticket=runs/demo/replicate_0/round_05
        --flagfile=flags/sngan_digits.flags --loss=wasserstein \\ --run_dir=runs/demo_wasserstein

The ticket is the mask of a round with the weights that its rounds rewind to, or with fresh ones
(--weights=fresh). Networks must have its shapes; what is pruned, the rounds and the excluded layers
are the ticket's. The same command continues a run that was stopped; more --replicates train the
ticket under other random draws."""

from absl import flags

from tf_gan_lth.cli import command_line

command_line.define_config_flags(flags.FLAGS)
command_line.define_flag(
    flags.FLAGS,
    "Transfer",
    "ticket",
    str,
    None,
    "round of a run: RUN/replicate_0/round_05; required",
)
command_line.define_flag(
    flags.FLAGS, "Transfer", "weights", str, "rewind", "what it starts from: rewind, or fresh"
)
command_line.define_run_flags(flags.FLAGS, "folder of the new run")
flags.mark_flag_as_required("ticket")


def main(values: flags.FlagValues) -> None:
    config = command_line.config_from_flags(values)
    from tf_gan_lth import lottery, report
    from tf_gan_lth.lottery import transfer
    from tf_gan_lth.methods.parent import open_ticket
    from tf_gan_lth.training import devices

    parent = open_ticket(values.ticket, values.weights)
    config = transfer.config_of(config, parent)
    here = devices.use(values.strategy, config)
    with devices.open_run(values.run_dir, here) as run:
        lab = lottery.Laboratory(config, run, here.strategy, parent)
        for replicate in range(config.lottery.replicates):
            transfer.transfer(lab, parent, replicate, report.follow(run))
        report.conclude(run)


if __name__ == "__main__":
    command_line.run(main, flags.FLAGS)
