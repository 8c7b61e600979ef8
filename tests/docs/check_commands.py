"""The commands and programs of README and docs run as they are written, one after the other.

They run in a copy of the repository, from README's first line on. The long ones are shortened by
flags that are added, and what a reader puts in is made: `photographs`, `NETWORK`, `my_gan.py` ...
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from blocks import ROOT, Block, blocks, commands, pages
from PIL import Image

COPIED = ("tf_gan_lth", "flags", "scripts", "docs", "setup.cfg", "pyproject.toml")
# What is not run here, by what stands in it, and why.
NOT_RUN = {
    r"scripts/test\.sh|/ruff|/mdformat": "these tests themselves, and formatters",
    r"pip install|docker": "installs something",
    r"tests/(browser|fuzz)/": "takes a Chromium, or minutes",
    r"benchmarks/": "takes minutes to measure; only its flags are checked",
    r"srun|sbatch|SLURM|/shared/|TF_CONFIG": "takes a cluster",
    r"gs://": "takes a store",
    r"import_gan_lth|runs/theirs": "takes PyTorch and a checkpoint of the paper's code",
    r"feature_network=inception": "downloads the Inception network",
    r"PATH/": "takes real photographs",
    r"runs/paper/": "the paper's study, at its size; presets and flags are checked",
    r"tensorboard": "does not end",
}
# Added to each command, by what stands in it: the last value of a flag counts.
SHORT = {
    r"find_ticket|transfer|demo\.sh": ["--steps=2", "--margin=100"],
    # A CycleGAN translates every test image, one a batch.
    r"^(?!.*cyclegan).*(find_ticket|transfer|demo\.sh)": [
        "--num_eval_images=100",
        "--generator_batch_size=4",
        "--discriminator_batch_size=4",
    ],
    r"compress": ["--steps=4", "--margin=100"],
    r"imp_g\.flags|stl10": [
        "--dataset=folder:photographs",
        "--protocol=quick",
        "--feature_network=NETWORK",
        "--width=4",
        "--branches=random_mask",
    ],
    r"stl10": ["--reference_resolution=32"],
    r"find_ticket.*imp_g\.flags": ["--rounds=5", "--branch_rounds=5"],
    r"find_ticket.*shapes2stripes": ["--width=4", "--blocks=1"],
    r"tf-gan-lth export": ["--measure="],
    r"evaluate.*photographs": ["--num_images=100"],
    r"train_feature_network": ["--output=digits_network"],
}
OWN_GAN = """
import numpy as np
import tf_keras as keras

my_generator = keras.Sequential([
    keras.Input([8]),
    keras.layers.Dense(64, name="dense"),
    keras.layers.Reshape([4, 4, 4]),
    keras.layers.UpSampling2D(),
    keras.layers.Conv2D(1, 3, padding="same", activation="tanh", name="to_image"),
])
my_discriminator = keras.Sequential([
    keras.Input([8, 8, 1]),
    keras.layers.Conv2D(4, 3, 2, name="down"),
    keras.layers.Flatten(),
    keras.layers.Dense(1, name="score"),
])
my_images = np.random.default_rng(0).integers(0, 256, [200, 8, 8, 1], np.uint8)
"""
LONG = {"steps=2000": "steps=2, num_eval_images=100, margin=100.0"}


def reason(text):
    """Why something is not run; None if it is."""
    return next((why for pattern, why in NOT_RUN.items() if re.search(pattern, text)), None)


def programs():
    """The blocks of Python that are whole programs: those of CONTRIBUTING are parts of files."""
    for page in pages():
        if page != "CONTRIBUTING.md":
            yield from (block for block in blocks(page) if block.language == "python")


class Reader:
    """Who reads the pages and does what they say, in a folder of the repository's files."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        # TFMOT sets the second one for its own process.
        ours = ("VIRTUAL_ENV", "TF_USE_LEGACY_KERAS")
        without = {name: v for name, v in os.environ.items() if name not in ours}
        self.environment = {**without, "PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"}
        self.ran = []

    def read(self, block: Block) -> None:
        if block.language == "python":
            self._program(block)
        elif block.language == "bash":
            for words in commands(block):
                self._command(block, words)

    def _program(self, block: Block) -> None:
        text = OWN_GAN + block.text if "(generator=my_generator" in block.text else block.text
        for long, short in LONG.items():
            text = text.replace(long, short)
        self._run(block, ["python", "-c", text])

    def _command(self, block: Block, words: list[str]) -> None:
        line = " ".join(words)
        if reason(line):
            return
        if words == ["source", ".venv/bin/activate"]:
            self.environment["PATH"] = f"{self.folder / '.venv' / 'bin'}:/usr/bin:/bin"
            return
        if words[:2] == ["bash", "scripts/demo.sh"]:
            words = [*demo(self.folder), *words[2:]]
        added = [
            flag for pattern, flags in SHORT.items() if re.search(pattern, line) for flag in flags
        ]
        self._run(block, [*words, *added])

    def _run(self, block: Block, words: list[str]) -> None:
        program = shutil.which(words[0], path=f"{self.environment['PATH']}:{self.folder}")
        assert program, f"{block}: {words[0]} is not found"
        done = subprocess.run(
            [program, *words[1:]],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert done.returncode == 0, f"{block}: {words}\n{done.stdout[-2000:]}{done.stderr[-3000:]}"
        self.ran.append((str(block), words))


def demo(folder):
    """What scripts/demo.sh runs once everything is installed."""
    text = (folder / "scripts" / "demo.sh").read_text().replace("\\\n", " ")
    [line] = re.findall(r"^exec (.+)$", text, re.MULTILINE)
    program, *rest = line.replace('"$@"', "").split()
    return [str(folder / program), *rest]


@pytest.fixture
def reader(tmp_path):
    folder = tmp_path / "repository"
    folder.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, symlinks=True)
        else:
            shutil.copy(source, folder)
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "NETWORK").symlink_to(
        ROOT / "tf_gan_lth" / "evaluation" / "embedded_networks" / "shapes2stripes"
    )
    random = np.random.default_rng(0)
    for place in ("samples", "photographs/train/a", "photographs/test/a", "pictures"):
        (folder / place).mkdir(parents=True)
        for number in range(100 if place != "pictures" else 2):
            pixels = random.integers(0, 256, [32, 32, 3], np.uint8)
            Image.fromarray(pixels).save(folder / place / f"{number}.png")
    [program] = [block for block in blocks("docs/your_own_gan.md") if block.language == "python"]
    own = program.text[: program.text.index("digits = ")]
    (folder / "my_gan.py").write_text(own)
    images = random.integers(0, 256, [200, 32, 32, 1], np.uint8)
    np.savez(folder / "images.npz", images=images)
    return Reader(folder)


@pytest.mark.slow
def test_what_is_written_runs_in_order(reader):
    for page in pages():
        for block in blocks(page):
            if page != "CONTRIBUTING.md" or block.language != "python":
                reader.read(block)
            # The demo's export is that of its verdict, which two steps make another one.
            exported = reader.folder / "runs/demo/replicate_0/round_09/saved_model"
            if not exported.exists() and exported.parent.exists():
                exported.symlink_to("../round_10/saved_model")
    ran = [" ".join(words) for _, words in reader.ran]
    for expected in ("find_ticket", "evaluate", "transfer", "sample.py", "runs", "my_gan.py"):
        assert any(expected in line for line in ran), expected


def test_what_is_not_run_is_so_for_a_reason_that_still_holds():
    """A reason that fits nothing any more goes."""
    lines = [" ".join(words) for page in pages() for b in blocks(page) for words in commands(b)]
    text = "\n".join(lines) + "\n".join(b.text for page in pages() for b in blocks(page))
    unused = [p for p in NOT_RUN if not re.search(p, text) and p not in (r"tensorboard",)]
    assert unused == []


def test_programs_are_whole():
    for block in programs():
        compile(block.text, str(block), "exec")
