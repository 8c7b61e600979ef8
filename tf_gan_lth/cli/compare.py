"""Compares compressions of one dense GAN: who is better, and at what cost.

    tf-gan-lth compare runs/finetuning runs/ticket runs/slimming --output=comparison.html

FID, KID and, where the true translations are known, L1 against MACs, bytes and milliseconds, with
the Pareto front; for each budget the tests of every pair of methods, and samples; and what each
training took. Beside the page is its table, as comparison.csv. Refused are runs that do not
compare: those not finished, of other images, of another dense GAN or under another protocol.
"""

import functools

from absl import flags

from tf_gan_lth.cli import command_line, outputs
from tf_gan_lth.experiment import comparable, paths
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.experiment.run_folder import RunFolder


def define(values: flags.FlagValues) -> None:
    """Defines the flags of this command."""
    compare = functools.partial(command_line.define_flag, values, "Compare")
    compare(
        "runs",
        tuple,
        (),
        "folders of runs, by commas; or as plain arguments; required",
        word=True,
    )
    compare("output", str, None, "new HTML file; its table goes beside it, as .csv; required")


def main(values: flags.FlagValues) -> None:
    """Does what the flags say."""
    if not values.runs:
        raise UsageError("which runs? tf-gan-lth compare RUN RUN ... --output=comparison.html")
    if not values.output:
        raise UsageError("a comparison needs a file: give --output=comparison.html")
    output = paths.parse(values.output)
    outputs.check_free(output, "output", ".html")
    data = output.with_suffix(".csv")
    outputs.check_free(data, "output")
    runs = [RunFolder(paths.parse(run).absolute()) for run in values.runs]
    comparable.check(runs)
    command_line.start_tensorflow(values, "compare")
    from tf_gan_lth.experiment.artifacts import File
    from tf_gan_lth.findings import side_by_side
    from tf_gan_lth.report import side_by_side as pages

    found = side_by_side.read(runs)
    File(output).put(pages.page(found, output))
    File(data).put(side_by_side.csv_file(found))
    for sentence in pages.sentences(found):
        print(sentence)
    print(f"Comparison: {output}\nTable: {data}")
