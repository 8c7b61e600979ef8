"""Does the memory of a lottery grow with its rounds?

    python benchmarks/memory_by_round.py --flagfile=flags/sngan_digits.flags --steps=50 --branches=

Runs a lottery in a temporary folder and prints the peak of the process's memory within each round.
Linux only: the peak is the kernel's VmHWM, which is reset between rounds.
"""

import pathlib
import re
import tempfile

from absl import flags

from tf_gan_lth.cli import command_line

command_line.define_config_flags(flags.FLAGS)


def peak() -> int:
    """The largest resident memory since the last call, in bytes; resets it."""
    status = pathlib.Path("/proc/self/status").read_text()
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])


def main(values: flags.FlagValues) -> None:
    config = command_line.config_from_flags(values)
    from tf_gan_lth import findings, report
    from tf_gan_lth.experiment.replicate_folder import TrainingFolder
    from tf_gan_lth.experiment.run_folder import RunFolder
    from tf_gan_lth.methods import Observer, jobs, setup

    peaks: dict[int, int] = {}

    class Watching(Observer):
        def scored(self, folder: TrainingFolder) -> None:
            findings.write_results(run)
            report.write(run)
            peaks[folder.round_number] = max(peak(), peaks.get(folder.round_number, 0))

    with tempfile.TemporaryDirectory() as place:
        run = RunFolder(pathlib.Path(place) / "run")
        method, bench = setup.set_up(config, run, observer=Watching())
        jobs.run(method, bench, run)
    for number, size in peaks.items():
        print(
            f"round {number:>2}: {size / 2**20:,.0f} MiB, {size / peaks[min(1, max(peaks))]:.3f} of"
            " round 1's"
        )


if __name__ == "__main__":
    command_line.run(main, flags.FLAGS)
