"""How many bytes do two workers exchange in a training step?

    python benchmarks/exchange.py --flagfile=flags/sngan_cifar10_imp_g_small.flags \\
        --dataset=digits --protocol=digits

Two processes train together twice, for a few steps and for more; the bytes of a step follow from
the difference. Linux only; nothing else may use the loopback device.
"""

import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile

import contenders
import costs
from absl import flags

from tf_gan_lth.cli import command_line

command_line.define_config_flags(flags.FLAGS)
ROOT = pathlib.Path(__file__).parents[1]
STEPS = (5, 25)  # number of steps of the two trainings


def sent_on_loopback() -> int:
    """The number of bytes sent on the loopback device so far."""
    (line,) = (
        line
        for line in pathlib.Path("/proc/net/dev").read_text().splitlines()
        if line.strip().startswith("lo:")
    )
    return int(line.split()[1])


def train(steps: int) -> int:
    """Trains the command line's config with two workers, and returns all bytes that they sent."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    workers = [f"127.0.0.1:{opened.getsockname()[1]}" for opened in sockets]
    for opened in sockets:
        opened.close()
    with tempfile.TemporaryDirectory() as folder:
        options = [
            *sys.argv[1:],
            f"--steps={steps}",
            "--rounds=0",
            "--branches=",
            "--num_eval_images=64",
            f"--run_dir={folder}/run",
        ]
        before = sent_on_loopback()
        processes = []
        for index in range(2):
            task = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
            command = [sys.executable, str(ROOT / "scripts" / "find_ticket.py"), *options]
            environment = {**os.environ, "TF_CONFIG": json.dumps(task)}
            processes.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL))
        codes = [process.wait() for process in processes]
        if any(codes):
            sys.exit("error: a worker failed: its message is above")
        return sent_on_loopback() - before


def main(values: flags.FlagValues) -> None:
    config = contenders.resolved(command_line.config_from_flags(values))
    step = costs.of(config, channels=1 if config.data.dataset == "digits" else contenders.CHANNELS)
    few, many = (train(steps) for steps in STEPS)
    measured = (many - few) / (STEPS[1] - STEPS[0])
    # In a ring of two, each worker sends everything that is summed once.
    predicted = 2 * costs.FLOAT * step.exchanged
    print(
        f"{measured / 2**20:.3f} MiB a step, {predicted / 2**20:.3f} MiB by formula:"
        f" {measured / predicted:.3f} times"
    )


if __name__ == "__main__":
    command_line.run(main, flags.FLAGS)
