"""The benchmarks that the docs take figures from still run: shortened to a turn of a tiny GAN."""

import os
import subprocess
import sys

import pytest
from blocks import ROOT

GAN = (
    "--dataset=digits",
    "--resolution=8",
    "--width=4",
    "--generator_batch_size=8",
    "--discriminator_batch_size=4",
    "--discriminator_steps=1",
)
ONE_TURN = (*GAN, "--turns=1", "--turn_steps=2")
# What each prints once it has measured.
RUNS = {
    "scoring_overhead.py": ((*GAN, "--turns=1", "--num_eval_images=100"), "scoring / plain: "),
    "masked_step.py": (ONE_TURN, "masked / unmasked: "),
    "slim_step.py": (ONE_TURN, "slim / dense: "),
    "compress_step.py": (ONE_TURN, "of the time, 1.00 of the MACs: "),
    "memory_by_round.py": ((*GAN, "--steps=2", "--rounds=1", "--branches="), "round  1: "),
    "frechet_distance.py": (("--images=200", "--size=8", "--tfgan"), "TF-GAN  FID "),
    "sparse_kernels.py": (("--width=8", "--side=4", "--depth=1", "--turns=1"), "of dense"),
    "scaling.py": (("--flagfile=flags/sngan_cifar10_imp_g_small.flags",), "| 1 | 32 |"),
    "image_folder.py": ((*ONE_TURN, "--pictures=40"), "from the folder / ready: "),
    "prune_and_rewind.py": (("--turns=1",), "in all"),
}
NOT_RUN = {
    "exchange.py": "two processes, and nothing else on the loopback device",
    "real_image_distances.py": "real photographs",
    "train_step.py": "PyTorch",
    "verdict_power.py": "tests/findings/test_verdict_power.py does",
}
PARTS = {"contenders.py", "costs.py", "turns.py"}  # of others


def test_each_benchmark_is_run_or_has_a_reason():
    there = {path.name for path in (ROOT / "benchmarks").glob("*.py")}
    there = {name for name in there if not name.startswith("torch_")}
    assert there == RUNS.keys() | NOT_RUN.keys() | PARTS


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_a_benchmark_runs(name, tiny_options):
    flags, printed = RUNS[name]
    if set(GAN) <= set(flags):
        flags = (*flags, f"--data_dir={tiny_options['data_dir']}")
    command = [sys.executable, str(ROOT / "benchmarks" / name), *flags]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=300
    )
    assert result.returncode == 0, result.stderr[-2000:]
    assert printed in result.stdout
