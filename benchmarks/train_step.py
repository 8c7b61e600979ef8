"""How fast is a training step, and how much memory does it take, compared with PyTorch?

    pip install torch==2.13.0
    python benchmarks/train_step.py       # SNGAN and CycleGAN, at paper size, and each GAN small
    python benchmarks/train_step.py --settings=sngan_small,cyclegan
    python benchmarks/train_step.py --flagfile=flags/sngan_digits.flags --turn_steps=20

Networks and update are the same in PyTorch. The contenders are `ours` (this project's step as
shipped), `ours_bfloat16` (`--precision=mixed_bfloat16`), `plain` (ours, with convolutions in their
plain form), `eager` (PyTorch as GAN-LTH runs it: float32, channels first) and `best` (PyTorch with
channels last, bfloat16 and `torch.compile`). Each is a process of its own that waits while the
others run. They take turns, so that other load on the machine affects all of them, and ratios are
taken turn by turn. Masks are in place, and images are ready in memory.

Images a second counts the real images of a step. Memory is the largest that a process had: in
total, and beyond what its imports took. The share of the peak is the number of products that `ours`
needs (for all contenders), over the speed of the fastest convolution measured in the same turns and
in the contender's precision.
"""

import dataclasses
import importlib.util
import multiprocessing
import statistics
from collections.abc import Iterator

import contenders
from absl import flags

from tf_gan_lth.cli import command_line, flag_files
from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.errors import ToolkitError, UsageError, check_known


@dataclasses.dataclass(frozen=True)
class Setting:
    """What is trained, and for how long.

    Attributes:
      options: flags of the config.
      turns: number of turns of each contender.
      turn_steps: training steps per turn.
    """

    options: tuple[str, ...]
    turns: int
    turn_steps: int


def _small(gan: str, width: int, *options: str) -> Setting:
    """A GAN at 32x32, with two discriminator steps."""
    sizes = (f"--width={width}", f"--discriminator_width={width}")
    batches = ("--generator_batch_size=64", "--discriminator_batch_size=32")
    steps = "--discriminator_steps=2"
    return Setting(
        (f"--gan={gan}", "--resolution=32", *sizes, *batches, steps, *options),
        turns=7,
        turn_steps=5,
    )


SETTINGS = {
    "sngan": Setting(("--flagfile=flags/sngan_cifar10_imp_g.flags",), 3, 2),
    "sngan_small": Setting(
        (
            "--flagfile=flags/sngan_cifar10_imp_g_small.flags",
            "--discriminator_steps=2",
            "--precision=float32",
        ),
        7,
        20,
    ),
    "cyclegan": Setting(
        ("--flagfile=flags/cyclegan_summer2winter_imp_g.flags", "--resolution=128"), 3, 4
    ),
    "cyclegan_narrow": Setting(
        ("--flagfile=flags/cyclegan_summer2winter_imp_g.flags", "--resolution=128", "--width=32"),
        7,
        4,
    ),
    "cyclegan_small": Setting(("--flagfile=flags/cyclegan_summer2winter_small.flags",), 7, 20),
    "dcgan_small": _small("dcgan", 16),
    "ggan_small": _small("ggan", 16),
    "wgan_gp_small": _small("wgan_gp", 32),
    "acgan_small": _small("acgan", 32),
    "projgan_small": _small("projgan", 32),
    "sagan_small": _small("sagan", 32),
    "biggan_small": _small("biggan", 32),
    "sngan_conditional_small": _small("sngan", 32, "--conditional"),
}

command_line.define_config_flags(flags.FLAGS)
command_line.define_flag(
    flags.FLAGS,
    "Benchmark",
    "settings",
    tuple,
    tuple(SETTINGS),
    "what is trained, unless flags of the config say it",
)
command_line.define_flag(
    flags.FLAGS,
    "Benchmark",
    "turns",
    int,
    None,
    "turns of each contender; unset: the setting's own, or 9",
)
command_line.define_flag(
    flags.FLAGS, "Benchmark", "turn_steps", int, None, "training steps a turn; likewise, or 10"
)
command_line.define_flag(
    flags.FLAGS,
    "Benchmark",
    "contenders",
    tuple,
    tuple(contenders.CONTENDERS),
    "who takes part, first the one compared",
)


class Process:
    """A process that serves one end of a pipe, with the other end."""

    def __init__(self, name: str, function, *args):
        context = multiprocessing.get_context("spawn")
        self.name = name
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=function, args=(other, *args), daemon=True)
        self._process.start()
        other.close()  # so that a process that ends early is noticed

    def hear(self) -> object:
        """What the process says next."""
        try:
            return self._pipe.recv()
        except EOFError:
            raise ToolkitError(
                f"the process of '{self.name}' ended: its message is above"
            ) from None

    def turn(self) -> float:
        """Runs one more turn, and returns its seconds."""
        self._pipe.send(True)
        return self.hear()

    def end(self) -> tuple[list, float, float]:
        """Ends the process; returns the results of all turns, the peak memory and the imports'."""
        self._pipe.send(False)
        said = self.hear()
        self._process.join()
        return said


def compare(config: Config, names: list[str], turns: int, turn_steps: int) -> None:
    """Prints a table of the contenders, in Markdown."""
    work = 2 * Process("work", contenders.count_work, config).hear()  # floating point operations
    with_peak = [*names, contenders.peak.__name__] if importlib.util.find_spec("torch") else names
    processes = {
        name: Process(name, contenders.serve, name, config, turn_steps) for name in with_peak
    }
    for process in processes.values():
        process.hear()
    seconds = {name: [] for name in processes}
    for turn in range(turns):
        for name, process in list(processes.items())[:: 1 if turn % 2 else -1]:
            seconds[name].append(process.turn() / turn_steps)
    ends = {name: process.end() for name, process in processes.items()}
    peaks = _peaks(ends.pop(contenders.peak.__name__, ([], 0, 0))[0])
    said = ", ".join(
        f"{rate:,.0f} GFLOP/s in {precision.removeprefix('torch.')}"
        for precision, rate in peaks.items()
    )
    print(
        f"A step needs {work / 1e9:,.1f} GFLOP. The convolution peak is"
        f" {said or 'not measured without PyTorch'}.\n"
    )
    print(
        "| contender | s a step, best | median | images/s | time / first | peak MiB | beyond"
        " imports | share of peak |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name in names:
        best = min(seconds[name])
        _, whole, imported = ends[name]
        ratio = statistics.median(
            its / first for its, first in zip(seconds[name], seconds[names[0]], strict=True)
        )
        kind = "torch.bfloat16" if contenders.is_in_bfloat16(name, config) else "torch.float32"
        share = f"{work / best / 1e9 / peaks[kind]:.0%}" if kind in peaks else "-"
        cells = [
            name,
            f"{best:.3f}",
            f"{statistics.median(seconds[name]):.3f}",
            f"{_images(config) / best:.1f}",
            f"{ratio:.2f}",
            f"{whole:,.0f}",
            f"{whole - imported:,.0f}",
            share,
        ]
        print("|", " | ".join(cells), "|", flush=True)


def _peaks(rates: list[dict[str, float]]) -> dict[str, float]:
    """{precision: the fastest rate of all turns}; empty without PyTorch."""
    return {kind: max(rate[kind] for rate in rates) for kind in (rates[0] if rates else ())}


def _images(config: Config) -> int:
    """Real images that a training step takes."""
    training = config.training
    if contenders.translates(config):  # one of each domain
        return 2 * training.generator_batch_size
    return training.discriminator_steps * training.discriminator_batch_size


def _chosen(values: flags.FlagValues) -> Iterator[tuple[str, Config, int, int]]:
    """Yields title, config, turns and steps per turn of each setting on the command line."""
    own = _config_flags()
    if any(values[name].present for name in own):
        yield (
            "as the flags say",
            command_line.config_from_flags(values),
            values.turns or 9,
            values.turn_steps or 10,
        )
        return
    for name in values.settings:
        check_known("setting", name, SETTINGS)
        setting = SETTINGS[name]
        config = command_line.config_from_flags(_config_flags(*setting.options))
        title = f"{name}: {' '.join(setting.options)}"
        yield title, config, values.turns or setting.turns, values.turn_steps or setting.turn_steps


def _config_flags(*options: str) -> flags.FlagValues:
    """The flags of a config alone, with the values that `options` give them."""
    values = flags.FlagValues()
    command_line.define_config_flags(values)
    values(["", *flag_files.expand(options)])
    return values


def main(values: flags.FlagValues) -> None:
    for name in values.contenders:
        check_known("contender", name, contenders.CONTENDERS)
    if importlib.util.find_spec("torch") is None and contenders.OF_PYTORCH & set(values.contenders):
        raise UsageError(
            "PyTorch is not installed: pip install torch==2.13.0, or"
            " --contenders=ours,ours_bfloat16,plain"
        )
    for title, config, turns, turn_steps in _chosen(values):
        print(f"\n{title}; {turns} turns of {turn_steps} steps\n")
        compare(contenders.resolved(config), values.contenders, turns, turn_steps)


if __name__ == "__main__":
    command_line.run(main, flags.FLAGS)
