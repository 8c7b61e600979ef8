"""How long does the lottery take between two rounds at paper size?

    python benchmarks/prune_and_rewind.py

Reads the trained weights and masks of a round, ranks and prunes, rewinds, and puts everything back
into the model. The generator has 4.3 million parameters.
"""

import pathlib
import statistics
import tempfile
import time

from absl import flags

from tf_gan_lth.cli import command_line

command_line.define_flag(flags.FLAGS, "Benchmark", "turns", int, 5, "how often to measure")


def main(values: flags.FlagValues) -> None:
    import numpy as np

    from tf_gan_lth.experiment import config as configs
    from tf_gan_lth.experiment.run_folder import RunFolder
    from tf_gan_lth.methods import setup
    from tf_gan_lth.methods.candidate import expand, rewind
    from tf_gan_lth.methods.imp import prune
    from tf_gan_lth.training import Start

    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder(pathlib.Path(folder) / "run")
        config = configs.from_options({"dataset": "digits", "resolution": 32})
        _, bench = setup.set_up(config, run)
        initial = run.replicate(0).initial.put(bench.fresh_weights(0))
        before = run.replicate(0).round(0)
        before.masks.put(expand(bench.full_masks))
        before.weights.put({**initial, "generator_ema": initial["generator"]})
        times = {"read, rank and prune": [], "rewind": [], "put into the model": []}
        for _ in range(values.turns):
            marks = [time.perf_counter()]
            kept = expand(prune(bench, before, 1))
            marks.append(time.perf_counter())
            start = rewind(initial, kept)
            marks.append(time.perf_counter())
            bench.trainer.start(Start(start, kept, np.array([1, 2], np.int32)))
            marks.append(time.perf_counter())
            for name, begin, end in zip(times, marks, marks[1:], strict=False):
                times[name].append(end - begin)
    for name, seconds in times.items():
        print(f"{name:<21} {statistics.median(seconds):.3f} s")
    print(
        f"{'in all':<21} {sum(statistics.median(seconds) for seconds in times.values()):.3f} s,"
        f" median of {values.turns}"
    )


if __name__ == "__main__":
    command_line.run(main, flags.FLAGS)
