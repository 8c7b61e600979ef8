"""Finds a lottery ticket: trains, prunes, rewinds and scores, round by round.

    tf-gan-lth find_ticket --flagfile=sngan_digits.flags --run_dir=runs/demo

Scores the controls too, and writes the verdict, a report and the sparse generator to the run
folder. The same command continues a run that was stopped; more --rounds or --replicates extend it.
"""

import functools

from absl import flags

from tf_gan_lth.cli import command_line, names


def define(values: flags.FlagValues) -> None:
    """Defines the flags of this command."""
    command_line.define_config_flags(values)
    command_line.define_run_flags(values, "folder of the run")
    run = functools.partial(command_line.define_flag, values, "Run")
    run("replicate", int, None, "the only replicate to run, from 0 on; unset: all of them")
    run(
        "branch",
        str,
        None,
        "the only branch to run, of finished rounds; main: the rounds alone; unset: all",
        names.BRANCH,
    )
    run("dry_run", bool, False, "say what would be done, and how long that takes, and do nothing")


def main(values: flags.FlagValues) -> None:
    """Does what the flags say."""
    config = command_line.config_from_flags(values)
    command_line.start_tensorflow(values, "find_ticket")
    from tf_gan_lth import report
    from tf_gan_lth.cli import dry_run
    from tf_gan_lth.cli.progress import Progress
    from tf_gan_lth.experiment import plugins
    from tf_gan_lth.methods import jobs, setup
    from tf_gan_lth.training import devices

    plugins.load(config.networks.plugins)
    here = devices.use(values.strategy, config)
    if values.dry_run:
        part = values.replicate, values.branch
        print(dry_run.describe(config, values.run_dir, here.strategy, *part))
        return
    with devices.open_run(values.run_dir, here) as run:
        method, bench = setup.set_up(config, run, here.strategy, Progress(run))
        jobs.run(method, bench, run, values.replicate, values.branch)
        report.conclude(run)
