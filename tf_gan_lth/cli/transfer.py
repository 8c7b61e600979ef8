r"""Trains a ticket on other data or with another loss, in a run of its own.

    tf-gan-lth transfer --ticket=runs/demo/replicate_0/round_05 --flagfile=sngan_digits.flags \
        --loss=wasserstein --run_dir=runs/demo_wasserstein

The dense GAN and the controls are trained beside it. The ticket is the mask of a round with the
weights that its rounds rewind to, with fresh ones (--weights=fresh) or with trained ones
(--weights=trained, which the dense GAN does not start from). Networks must have its shapes; what is
pruned, the rounds and the excluded layers are the ticket's. The same command continues a run that
was stopped; more --replicates train the ticket under other random draws.
"""

import functools

from absl import flags

from tf_gan_lth.cli import command_line, names


def define(values: flags.FlagValues) -> None:
    """Defines the flags of this command."""
    command_line.define_config_flags(values)
    transfer = functools.partial(command_line.define_flag, values, "Transfer")
    transfer("ticket", str, None, "round of a run: RUN/replicate_0/round_05; required")
    weights = (
        "what it starts from: rewind, what its rounds rewind to; fresh, new weights; trained, what"
        " its training ended with, or that of one network and the rest as in rewind"
    )
    transfer("weights", str, "rewind", weights, names.WEIGHTS)
    command_line.define_run_flags(values, "folder of the new run")
    flags.mark_flag_as_required("ticket", flag_values=values)


def main(values: flags.FlagValues) -> None:
    """Does what the flags say."""
    config = command_line.config_from_flags(values)
    command_line.start_tensorflow(values, "transfer")
    from tf_gan_lth import gans, report
    from tf_gan_lth.cli.progress import Progress
    from tf_gan_lth.experiment import plugins
    from tf_gan_lth.methods import Transfer, jobs, setup
    from tf_gan_lth.methods.parent import open_ticket
    from tf_gan_lth.training import devices

    plugins.load(config.networks.plugins)
    transfer = Transfer(open_ticket(values.ticket, values.weights))
    config = transfer.configure(config, gans.find(config.networks.gan))
    here = devices.use(values.strategy, config)
    with devices.open_run(values.run_dir, here) as run:
        method, bench = setup.set_up(config, run, here.strategy, Progress(run), transfer)
        jobs.run(method, bench, run)
        report.conclude(run)
