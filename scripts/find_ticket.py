"""Finds a lottery ticket in a GAN: trains, prunes and rewinds it round by round, scores every round and the controls, and
writes the verdict, a report and the sparse generator to the run folder.

    python scripts/find_ticket.py --flagfile=flags/sngan_digits.flags --run_dir=runs/demo

The same command continues a run that was stopped; more --rounds or --replicates extend it.
"""

from absl import flags

from tf_gan_lth.experiment import command_line

command_line.define_config_flags(flags.FLAGS)
command_line.define_flag(flags.FLAGS, "Run", "run_dir", str, None, "folder of the run; required")
flags.mark_flag_as_required("run_dir")


def main(values: flags.FlagValues) -> None:
    config = command_line.config_from_flags(values)
    from tf_gan_lth import export, lottery, report
    from tf_gan_lth.experiment.run_folder import RunFolder

    lab = lottery.Laboratory(config, RunFolder(values.run_dir))
    for replicate in range(config.lottery.replicates):
        lottery.find_ticket(lab, replicate, report.follow(lab.run))
    _, verdicts = lottery.write_results(lab.run)
    report.conclude(lab.run, verdicts, export.export_tickets(lab.run, verdicts))


if __name__ == "__main__":
    command_line.run(main, flags.FLAGS)
