r"""Makes the generator of a dense GAN small, by one of several compressors.

    tf-gan-lth compress --method=finetuning --dense=runs/demo/replicate_0 --budgets=0.5,0.25 \
        --run_dir=runs/finetuning

The dense GAN is that of a finished run; networks, data, training and protocol are that run's, and
leave nothing to say. --dense=RUN/replicate_0 is the dense GAN of all replicates; --dense=RUN gives
each the one of its own number. A budget is a share of the generator's multiply-accumulates, and a
round of the new run; all budgets of all methods have as many generator steps, --steps, in all. The
same command continues a run that was stopped; more --replicates extend it.
"""

import functools

from absl import flags

from tf_gan_lth.cli import command_line, names


def define(values: flags.FlagValues) -> None:
    """Defines the flags of this command."""
    command_line.define_config_flags(values)
    compress = functools.partial(command_line.define_flag, values, "Compress")
    compress("dense", str, None, "the dense GAN: RUN/replicate_0, or RUN; required")
    command_line.define_run_flags(values, "folder of the new run")
    values["method"].accepts = names.COMPRESSOR
    for name in ("method", "budgets"):
        values.set_default(name, None)
    for name in ("dense", "method", "budgets"):
        flags.mark_flag_as_required(name, flag_values=values)


def main(values: flags.FlagValues) -> None:
    """Does what the flags say."""
    given = command_line.given_options(values)
    command_line.start_tensorflow(values, "compress")
    from tf_gan_lth import report
    from tf_gan_lth.cli.progress import Progress
    from tf_gan_lth.methods import compressing, jobs, setup
    from tf_gan_lth.training import devices

    config, compressor = compressing.prepare(values.dense, given)
    here = devices.use(values.strategy, config)
    with devices.open_run(values.run_dir, here) as run:
        method, bench = setup.set_up(config, run, here.strategy, Progress(run), compressor)
        jobs.run(method, bench, run)
        report.conclude(run)
