"""Finds a lottery ticket in a GAN: trains, prunes and rewinds it round by round, scores every round
and the controls, and writes the verdict, a report and the sparse generator to the run folder.

    python scripts/find_ticket.py --flagfile=flags/sngan_digits.flags --run_dir=runs/demo

The same command continues a run that was stopped; more --rounds or --replicates extend it.
"""

from absl import flags

from tf_gan_lth.cli import command_line

command_line.define_config_flags(flags.FLAGS)
command_line.define_run_flags(flags.FLAGS, "folder of the run")
command_line.define_flag(
    flags.FLAGS,
    "Run",
    "replicate",
    int,
    None,
    "the only replicate to run, from 0 on; unset: all of them",
)
command_line.define_flag(
    flags.FLAGS,
    "Run",
    "branch",
    str,
    None,
    "the only branch to run, of finished rounds; main: the rounds alone; unset: all",
)


def main(values: flags.FlagValues) -> None:
    config = command_line.config_from_flags(values)
    from tf_gan_lth import lottery, report
    from tf_gan_lth.training import devices

    here = devices.use(values.strategy, config)
    with devices.open_run(values.run_dir, here) as run:
        lab = lottery.Laboratory(config, run, here.strategy)
        lottery.parts.run(lab, values.replicate, values.branch, report.follow(run))
        report.conclude(run)


if __name__ == "__main__":
    command_line.run(main, flags.FLAGS)
