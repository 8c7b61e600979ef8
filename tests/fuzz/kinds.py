"""What is fuzzed: each kind writes good inputs once, and reads one broken input for each number.

Reading ends in a result, or in an error of ours whose message is one line. Everything else is let
through, and is a fault.
"""

import csv
import io
import pathlib
import pickle
import random
import shutil
import warnings
import zipfile
from collections.abc import Callable

import numpy as np
from mutations import hostile_value, mutated, mutated_member
from PIL import Image

from tf_gan_lth.experiment.errors import ToolkitError

READ = "read"
PAYLOAD = "payload"  # the file that a hostile input writes, if anything in it is run


class Payload:
    """What pickle runs when it reads this object."""

    def __init__(self, path: pathlib.Path):
        self.path = path

    def __reduce__(self):
        return (exec, (f"open({str(self.path)!r}, 'w').close()",))


def refused(read: Callable[[], object], *errors: type[Exception]) -> str:
    """What became of reading: `READ`, or the class of the error that refuses it in one line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read()
    except (ToolkitError, *errors) as error:
        message = str(error)
        assert message and len(message.splitlines()) == 1, f"no single line: {message!r}"
        assert len(message) < 2000, f"a line of {len(message)} characters"
        return type(error).__name__
    return READ


class Configs:
    """Options as a program gives them, and as a command line does; nothing is trained."""

    def __init__(self, folder: pathlib.Path):
        del folder
        from tf_gan_lth import gans
        from tf_gan_lth.experiment import config as configs
        from tf_gan_lth.methods.method import METHODS

        own = [gans.find(name).options for name in gans.known()]
        own += [METHODS[name].Options for name in METHODS]
        self._defaults = configs.to_options(configs.Config())
        self._names = [*self._defaults, *(name for o in own for name in o.__dataclass_fields__)]

    def run(self, number: int) -> str:
        draw = random.Random(number)
        count = draw.randrange(1, 6)
        options = {name: self._value(name, draw) for name in draw.sample(self._names, count)}
        if draw.random() < 0.3:
            return refused(lambda: self._check_flags(options), SystemExit)
        return refused(lambda: self._check(options))

    def _value(self, name: str, draw: random.Random) -> object:
        usual = self._defaults.get(name)
        if draw.random() < 0.3:
            return usual
        if isinstance(usual, str) and draw.random() < 0.3:
            return mutated(usual.encode(), draw).decode("utf-8", "replace")
        return hostile_value(draw)

    def _check(self, options: dict[str, object]) -> None:
        from tf_gan_lth import gans
        from tf_gan_lth.experiment import config as configs
        from tf_gan_lth.experiment import plugins
        from tf_gan_lth.methods.checks import check
        from tf_gan_lth.methods.method import METHODS

        config = configs.from_options(options)
        plugins.load(config.networks.plugins)
        spec = gans.find(config.networks.gan)
        check(config, spec, METHODS[config.lottery.method]())
        assert configs.from_options(configs.to_options(config)) == config
        assert len(config.digest) == 12

    def _check_flags(self, options: dict[str, object]) -> None:
        from absl import flags

        from tf_gan_lth.cli import command_line

        values = flags.FlagValues()
        command_line.define_config_flags(values)
        arguments = [f"--{name}={value}" for name, value in options.items()]
        try:
            command_line._parse(["find_ticket", *arguments], values, "")
        except (OSError, flags.Error, ValueError) as error:  # as the command line itself does
            raise ToolkitError(" ".join(str(error).split())) from None
        command_line.config_from_flags(values)


class Files:
    """Files that are written once, mutated and read.

    A subclass has `good`, the contents of good files, and `read`, which takes a path.
    """

    suffix = ""
    errors: tuple[type[Exception], ...] = ()

    def __init__(self, folder: pathlib.Path):
        self._folder = folder
        self._good = self.good()

    def run(self, number: int) -> str:
        draw = random.Random(number)
        path = self._folder / f"broken{self.suffix}"
        good = draw.choice(self._good)
        within = zipfile.is_zipfile(io.BytesIO(good)) and draw.random() < 0.5
        path.write_bytes((mutated_member if within else mutated)(good, draw))
        return refused(lambda: self.read(path), *self.errors)

    def good(self) -> list[bytes]:
        raise NotImplementedError

    def read(self, path: pathlib.Path) -> object:
        raise NotImplementedError


class Npz(Files):
    """Data sets in npz files, compressed and not; one holds an object that pickle would run."""

    suffix = ".npz"

    def good(self) -> list[bytes]:
        images = np.random.default_rng(0).integers(0, 256, [20, 8, 8, 3], dtype=np.uint8)
        labels = np.arange(20) % 3
        payload = np.array([Payload(self._folder / PAYLOAD)], object)
        contents = [{"images": images, "labels": labels}, {"images": payload}]
        stored = []
        for save in (np.savez, np.savez_compressed):
            for arrays in contents:
                file = io.BytesIO()
                save(file, **arrays)
                stored.append(file.getvalue())
        return stored

    def read(self, path: pathlib.Path) -> object:
        from tf_gan_lth.data import npz

        return npz.read(path, "train", 8)


class Statistics(Npz):
    """Reference statistics in npz files."""

    def good(self) -> list[bytes]:
        root = np.random.default_rng(0).normal(size=[30, 6])
        arrays = {"mu": root.mean(0), "sigma": np.cov(root, rowvar=False)}
        stored = []
        for extra in ({}, {"features": root.astype(np.float32)}):
            file = io.BytesIO()
            np.savez(file, **arrays, **extra)
            stored.append(file.getvalue())
        return stored

    def read(self, path: pathlib.Path) -> object:
        from tf_gan_lth.evaluation.reference import ReferenceFile

        return ReferenceFile(path).get()


class Arrays(Npz):
    """Weights of a run."""

    def good(self) -> list[bytes]:
        from tf_gan_lth.experiment.artifacts import ArrayFile

        path = self._folder / "good.npz"
        drawn = np.random.default_rng(0).normal(size=[3, 3, 4, 4]).astype(np.float32)
        ArrayFile(path).put({"conv/kernel": drawn * (drawn > 1), "conv/bias": drawn[0, 0, 0]})
        return [path.read_bytes()]

    def read(self, path: pathlib.Path) -> object:
        from tf_gan_lth.experiment.artifacts import ArrayFile

        return ArrayFile(path).get()


class Pictures(Files):
    """Pictures of every format that is read, as training and as `sample.py` read them."""

    suffix = ".png"

    def good(self) -> list[bytes]:
        from tf_gan_lth.standalone.sample import SampleError

        self.errors = (SampleError,)
        drawn = np.random.default_rng(0).integers(0, 256, [20, 24, 3], dtype=np.uint8)
        picture = Image.fromarray(drawn)
        stored = []
        for name in ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "PPM", "GIF"):
            for each in (picture, picture.convert("L"), picture.quantize(8)):
                file = io.BytesIO()
                try:
                    each.save(file, name)
                except OSError:  # a format without palettes
                    continue
                stored.append(file.getvalue())
        return stored

    def read(self, path: pathlib.Path) -> object:
        from tf_gan_lth.data.decoding import decode
        from tf_gan_lth.standalone.sample import SampleError, read_picture

        try:
            read_picture(path)
        except SampleError as error:
            assert len(str(error).splitlines()) == 1
        return decode(path)


class Checkpoints(Files):
    """Checkpoints of PyTorch, in both of its formats; one holds an object that pickle would run."""

    suffix = ".pth"

    def good(self) -> list[bytes]:
        import torch

        state = {name: torch.rand(shape) for name, shape in self._shapes().items()}
        contents = [state, {"gen_state_dict": state, "epoch": 3, "best_fid": np.float64(7.5)}]
        contents.append({**state, "hook": Payload(self._folder / PAYLOAD)})
        stored = [pickle.dumps(contents[-1])]
        for content in contents:
            for zipped in (True, False):
                file = io.BytesIO()
                torch.save(content, file, _use_new_zipfile_serialization=zipped)
                stored.append(file.getvalue())
        return stored

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        """Of a generator of 8x8 pixels and width 2."""
        shapes = {
            "l1.weight": (32, 128),
            "l1.bias": (32,),
            "c5.weight": (1, 2, 3, 3),
            "c5.bias": (1,),
        }
        for layer, size in (("c1", 3), ("c2", 3), ("c_sc", 1)):
            shapes[f"block2.{layer}.weight"] = (2, 2, size, size)
            shapes[f"block2.{layer}.bias"] = (2,)
        for norm in ("block2.b1", "block2.b2", "b5"):
            for name in ("weight", "bias", "running_mean", "running_var"):
                shapes[f"{norm}.{name}"] = (2,)
        return shapes

    def read(self, path: pathlib.Path) -> object:
        from tf_gan_lth.gans.gan_lth_files import read_checkpoint

        return read_checkpoint(str(path))


class SavedModels:
    """Generators and feature networks of others; one has a graph that writes a file."""

    def __init__(self, folder: pathlib.Path):
        self._folder = folder
        self._payload = folder / PAYLOAD
        for name, function in (("plain", self._plain), ("writing", self._writing)):
            self._save(folder / name, function)
        self._payload.unlink(missing_ok=True)

    def _save(self, path: pathlib.Path, function: Callable) -> None:
        import tensorflow as tf

        module = tf.Module()
        module.scale = tf.Variable(tf.ones([4, 64]))
        inputs = [tf.TensorSpec([None, 4], tf.float32, name="latents")]
        module.f = tf.function(
            lambda latents: function(latents, module.scale), input_signature=inputs
        )
        tf.saved_model.save(module, str(path), signatures=module.f)

    def _plain(self, latents, scale):
        import tensorflow as tf

        return {"images": tf.tanh(tf.reshape(latents @ scale, [-1, 8, 8, 1]))}

    def _writing(self, latents, scale):
        import tensorflow as tf

        with tf.control_dependencies([tf.io.write_file(str(self._payload), "run")]):
            return self._plain(latents, scale)

    def run(self, number: int) -> str:
        draw = random.Random(number)
        broken = self._folder / "broken"
        shutil.rmtree(broken, ignore_errors=True)
        shutil.copytree(self._folder / draw.choice(["plain", "writing"]), broken)
        files = sorted(path for path in broken.rglob("*") if path.is_file())
        changed = draw.choices(files, [8 if f.name == "saved_model.pb" else 1 for f in files])[0]
        changed.write_bytes(mutated(changed.read_bytes(), draw))
        return refused(lambda: self._use(broken))

    def _use(self, path: pathlib.Path) -> None:
        from tf_gan_lth.evaluation import saved_models
        from tf_gan_lth.tasks.image_sources import ModelImages

        saved_models.check_operations(path)
        for images in ModelImages("saved_model", str(path), seed=0).batches(2, 0):
            images.numpy()


class Tables(Files):
    """Tables of results; in half of them a cell holds what it should not."""

    suffix = ".csv"

    def good(self) -> list[bytes]:
        published = pathlib.Path(__file__).parents[2] / "docs" / "results"
        return [
            (published / f"{name}.csv").read_bytes() for name in ("cyclegan_small", "digits_gd")
        ]

    def run(self, number: int) -> str:
        draw = random.Random(number)
        if draw.random() < 0.5:
            return super().run(number)
        rows = list(csv.reader(io.StringIO(draw.choice(self._good).decode())))
        row = draw.choice(rows)
        row[draw.randrange(len(row))] = str(hostile_value(draw))
        text = io.StringIO()
        csv.writer(text).writerows(rows)
        path = self._folder / "broken.csv"
        path.write_bytes(text.getvalue().encode(errors="surrogatepass"))
        return refused(lambda: self.read(path))

    def read(self, path: pathlib.Path) -> object:
        from tf_gan_lth.findings import results_file

        return results_file.read(path)


KINDS = {
    "configs": Configs,
    "tables": Tables,
    "npz": Npz,
    "statistics": Statistics,
    "arrays": Arrays,
    "pictures": Pictures,
    "checkpoints": Checkpoints,
    "saved_models": SavedModels,
}
