"""What exported generators take: milliseconds in paired turns, and memory, in own processes.

A process of its own, as TensorFlow's threads are set once, and as memory is counted from what a
process had before it loaded a model.
"""

import concurrent.futures
import dataclasses
import multiprocessing
import pathlib
import re
import statistics
import time
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import tensorflow as tf

from tf_gan_lth.evaluation import exported, saved_models
from tf_gan_lth.experiment import quiet
from tf_gan_lth.experiment.errors import ExportError

BATCHES = (1, 16)
THREADS = (1, 2)
WARM = 3  # calls before the first that is timed
SECONDS = 15.0  # after which no further turn begins
TURNS = (5, 50)  # at least, at most
STATUS = pathlib.Path("/proc/self/status")
CLEAR = pathlib.Path("/proc/self/clear_refs")


@dataclasses.dataclass(frozen=True)
class Timed:
    """Milliseconds an image.

    Attributes:
      batch: images a call.
      threads: that it computes with.
      milliseconds: {name of the model: median over the turns}.
      turns: in each of which every model is called once, in the same order.
    """

    batch: int
    threads: int
    milliseconds: dict[str, float]
    turns: int


def call_of(path: pathlib.Path, threads: int | None = None) -> Callable[..., np.ndarray]:
    """An exported model as a function of its inputs that returns its images.

    Args:
      path: of a SavedModel, or of a `.tflite` or `.onnx` file.
      threads: of the latter two; a SavedModel computes with TensorFlow's.
    """
    if not path.is_dir():
        return exported.open_model(path, threads or 1)
    served = saved_models.Served(path)
    return lambda *arrays: served(*map(tf.constant, arrays)).numpy()


def speeds(models: dict[str, pathlib.Path], inputs: tuple[np.ndarray, ...]) -> list[Timed]:
    """Times models against each other, on each number of threads and images.

    Args:
      models: {name: path}.
      inputs: of the generator, at least 16 of them.
    """
    found = []
    for threads in THREADS:
        found += _elsewhere(_time_all, models, inputs, threads)
    return found


def peak_memory(path: pathlib.Path, inputs: tuple[np.ndarray, ...]) -> int | None:
    """The bytes that a model takes at most while it is loaded and makes one image.

    None where the system does not tell, as only Linux does.
    """
    return _elsewhere(_peak, path, tuple(part[:1] for part in inputs))


def _elsewhere(function: Callable, *arguments: object):
    """What a function returns in a process of its own. Raises `ExportError` if that dies."""
    context = multiprocessing.get_context("spawn")
    executor = concurrent.futures.ProcessPoolExecutor(1, mp_context=context)
    try:
        with executor as pool, quiet.no_standard_error():
            return pool.submit(function, *arguments).result()
    except BrokenProcessPool:
        raise ExportError(
            "the process that measures speed and memory died: it had too little memory, or the"
            ' program does not ask for them below `if __name__ == "__main__":`; --measure=scores'
            " leaves them out"
        ) from None


def _time_all(
    models: dict[str, pathlib.Path], inputs: tuple[np.ndarray, ...], threads: int
) -> list[Timed]:
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    calls = {name: call_of(path, threads) for name, path in models.items()}
    found = []
    for batch in BATCHES:
        parts = tuple(part[:batch] for part in inputs)
        taken: dict[str, list[float]] = {name: [] for name in calls}
        for call in calls.values():
            for _ in range(WARM):
                call(*parts)
        end = time.perf_counter() + SECONDS
        turns = 0
        while turns < TURNS[0] or (turns < TURNS[1] and time.perf_counter() < end):
            for name, call in calls.items():
                began = time.perf_counter()
                call(*parts)
                taken[name].append(time.perf_counter() - began)
            turns += 1
        milliseconds = {
            name: 1000.0 * statistics.median(times) / batch for name, times in taken.items()
        }
        found.append(Timed(batch, threads, milliseconds, turns))
    return found


def _peak(path: pathlib.Path, inputs: tuple[np.ndarray, ...]) -> int | None:
    if not CLEAR.exists():
        return None
    tf.constant(0)  # TensorFlow's own start is not the model's
    CLEAR.write_text("5")  # the peak starts from here
    before = _status("VmRSS")
    call_of(path)(*inputs)
    return _status("VmHWM") - before


def _status(name: str) -> int:
    return 1024 * int(re.search(rf"^{name}:\s+(\d+) kB", STATUS.read_text(), re.M)[1])
