"""Where a run computes: strategies of `tf.distribute` by name, and run folders of several workers.

Every worker runs the same program and makes the same decisions from the same artifacts, because all
of them end each training with the same weights. Only the chief works in the run folder. Each of the
other workers copies it before the chief continues, works in its copy, and deletes that at the end.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import tempfile
from collections.abc import Iterator

import tensorflow as tf

from tf_gan_lth import gans
from tf_gan_lth.experiment.config import Config, TrainingConfig
from tf_gan_lth.experiment.errors import TrainingError, UsageError, check_known, error_reason
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.training.options import batch_sizes, check_replicas, resolve

STRATEGIES = ("auto", "one_device", "mirrored", "multi_worker", "tpu")
BFLOAT16_CAPABILITY = (8, 0)  # compute capability from which NVIDIA GPUs have bfloat16
FLOAT16_CAPABILITY = (5, 3)
SLURM_TASKS = "SLURM_STEP_NUM_TASKS"
# What else TensorFlow reads: the form of an item, of which there is a list, and an example.
SLURM_FORMS = {
    "SLURM_PROCID": (r"[0-9]{1,6}", "the number of this task, from 0 on"),
    "SLURM_STEP_NODELIST": (
        r"[^\s,\[\]]*(\[[0-9]{1,6}(-[0-9]{1,6})?(,[0-9]{1,6}(-[0-9]{1,6})?)*\])?",
        "hosts such as node[1-4,7],other",
    ),
    "SLURM_STEP_TASKS_PER_NODE": (r"0*[1-9][0-9]{0,5}(\(x[0-9]{1,6}\))?", "such as 2(x3),1"),
}


@dataclasses.dataclass(frozen=True)
class Devices:
    """Where a run computes.

    Attributes:
      strategy: the strategy to train, sample and score under.
      chief: whether this process is the one that writes to the run folder.
      workers: number of processes.
    """

    strategy: tf.distribute.Strategy
    chief: bool = True
    workers: int = 1


def use(name: str, config: Config | None = None) -> Devices:
    """The devices that `--strategy` names.

    Call it before TensorFlow computes anything, since workers connect when TensorFlow starts.

    Args:
      name: one of `STRATEGIES`; `auto` is `multi_worker` if TF_CONFIG or Slurm names several
        workers, and otherwise the largest number of this machine's GPUs that divides the batches.
      config: config of the run to be trained; None if images are only scored.

    Raises:
      UsageError: the devices are missing or not described, or cannot do what the config asks.
    """
    check_known("strategy", name, STRATEGIES)
    spec = config and gans.find(config.networks.gan)
    training = config and resolve(config.training, spec)

    # With XLA, the whole step is a single operation.
    if spec and spec.small_operations and not training.jit_compile:
        _use_a_core_for_each_operation()

    # Choose the strategy.
    if name == "auto" and training and _is_one_of_several():
        name = "multi_worker"
    if name == "auto":
        gpus = _usable_gpus(training)
        devices = _mirrored(gpus) if gpus > 1 else _one_device()
    elif name == "mirrored":
        devices = _mirrored(len(tf.config.list_logical_devices("GPU")))
    else:
        devices = {"one_device": _one_device, "multi_worker": _multi_worker, "tpu": _tpu}[name]()

    if training:
        check_replicas(training, devices.strategy.num_replicas_in_sync)
        _check_precision(training.precision, name)
    return devices


def _use_a_core_for_each_operation() -> None:
    """On two cores without a GPU, runs two operations in parallel, each on one core.

    By default TensorFlow gives every operation both cores, and the operations of CycleGAN's two
    directions slow each other down. With one core each, a step takes 0.55 of the time at 64 pixels
    and width 16, and 0.95 at 128 pixels and width 64. It is not for SNGAN, whose large steps would
    take longer. TF_NUM_INTRAOP_THREADS, if set, takes precedence.
    """
    if (
        len(os.sched_getaffinity(0)) != 2
        or tf.config.list_physical_devices("GPU")
        or "TF_NUM_INTRAOP_THREADS" in os.environ
    ):
        return
    # If TensorFlow has already computed something, it refuses, and keeps its threads.
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)


def _usable_gpus(config: TrainingConfig | None) -> int:
    """The largest number of this machine's GPUs that divides every batch size.

    All of them without a config; 1 if the step is compiled with XLA.
    """
    there = len(tf.config.list_logical_devices("GPU"))
    if config is None:
        return there
    if config.jit_compile:
        return 1
    return max(
        (
            n
            for n in range(1, there + 1)
            if not any(size % n for size in batch_sizes(config).values())
        ),
        default=0,
    )


def _one_device() -> Devices:
    return Devices(tf.distribute.get_strategy())


def _mirrored(gpus: int) -> Devices:
    if gpus:
        return Devices(tf.distribute.MirroredStrategy([f"GPU:{number}" for number in range(gpus)]))
    # A CPU that tests divide into logical devices. Its collectives get out of step if a process has
    # several models, so everything is reduced to one device.
    cpus = tf.config.list_logical_devices("CPU")
    if len(cpus) < 2:
        raise UsageError(
            "--strategy=mirrored: TensorFlow sees no GPU here; use --strategy=one_device, or"
            " --strategy=auto"
        )
    names = [f"CPU:{number}" for number in range(len(cpus))]
    return Devices(
        tf.distribute.MirroredStrategy(names, cross_device_ops=tf.distribute.ReductionToOneDevice())
    )


def _is_one_of_several() -> bool:
    if "TF_CONFIG" in os.environ:
        return sum(len(tasks) for tasks in _read_tf_config()["cluster"].values()) > 1
    return _slurm_tasks() > 1


def _slurm_tasks() -> int:
    """How many tasks Slurm's step has; 1 outside of Slurm."""
    text = os.environ.get(SLURM_TASKS, "1")
    if not re.fullmatch(r"[0-9]{1,6}", text) or not int(text):
        raise UsageError(f"{SLURM_TASKS}={text[:80]} is not understood: expected a number of tasks")
    return int(text)


def _check_slurm() -> None:
    """Raises `UsageError` for a variable that TensorFlow cannot take apart, by its name.

    One that is missing TensorFlow names itself.
    """
    for name, (form, expected) in SLURM_FORMS.items():
        text = os.environ.get(name)
        if text is not None and not re.fullmatch(f"{form}(,{form})*", text):
            raise UsageError(f"{name}={text[:80]} is not understood: expected {expected}")


def _multi_worker() -> Devices:
    """One of several workers, as TF_CONFIG or Slurm describes them."""
    resolvers = tf.distribute.cluster_resolver
    if "TF_CONFIG" in os.environ:
        read = _read_tf_config()
        make_resolver, task = resolvers.TFConfigClusterResolver, read["task"]
        chief = task["index"] == 0 and task["type"] == (
            "chief" if "chief" in read["cluster"] else "worker"
        )
        workers = sum(len(tasks) for tasks in read["cluster"].values())
    elif SLURM_TASKS in os.environ:
        workers = _slurm_tasks()
        _check_slurm()
        make_resolver = resolvers.SlurmClusterResolver
        chief = os.environ.get("SLURM_PROCID") == "0"
    else:
        raise UsageError(
            "--strategy=multi_worker: neither TF_CONFIG nor Slurm's srun says who the workers are"
        )
    print(f"waits until all workers are there, {workers} of them", flush=True)
    try:
        return Devices(tf.distribute.MultiWorkerMirroredStrategy(make_resolver()), chief, workers)
    except (ValueError, KeyError, RuntimeError, OSError, tf.errors.OpError) as error:
        raise UsageError(
            f"--strategy=multi_worker: the workers do not come together: {error_reason(error)}"
        ) from error


def _read_tf_config() -> dict:
    """The content of TF_CONFIG; raises `UsageError` if it is not of the form below."""
    form = '{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}'
    text = os.environ["TF_CONFIG"]
    try:
        read = json.loads(text)
        cluster, task = read["cluster"], read["task"]
        workers = cluster[task["type"]]
        unknown = cluster.keys() - {"chief", "worker"}
        understood = all(
            isinstance(tasks, list) and tasks and all(isinstance(host, str) for host in tasks)
            for tasks in cluster.values()
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        understood = False
    if not understood:
        raise UsageError(f"TF_CONFIG={text[:200]} is not understood: expected {form}")
    if unknown:
        raise UsageError(
            f"TF_CONFIG names tasks that this training has not: {', '.join(sorted(unknown))}; it"
            " has chief and worker"
        )
    if type(task.get("index")) is not int or not 0 <= task["index"] < len(workers):
        raise UsageError(
            f"TF_CONFIG: the task is {task['type']} {task.get('index')}, but the cluster has"
            f" {len(workers)} of these"
        )
    return read


def _tpu() -> Devices:
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver()
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, RuntimeError, tf.errors.OpError) as error:
        raise UsageError(
            f"--strategy=tpu: there is no TPU to be had: {error_reason(error)}"
        ) from error
    return Devices(tf.distribute.TPUStrategy(resolver))


def _check_precision(precision: str, strategy: str) -> None:
    """Raises `UsageError` for a precision that the devices do not have.

    CPUs compute in any of them, if slowly.
    """
    if strategy == "tpu" and precision == "mixed_float16":
        raise UsageError(
            "--precision=mixed_float16: TPUs compute in bfloat16; use mixed_bfloat16 or float32"
        )
    needed = {"mixed_bfloat16": BFLOAT16_CAPABILITY, "mixed_float16": FLOAT16_CAPABILITY}.get(
        precision, (0, 0)
    )
    for gpu in tf.config.list_physical_devices("GPU"):
        details = tf.config.experimental.get_device_details(gpu)
        if details.get("compute_capability", needed) < needed:
            has = ".".join(map(str, details["compute_capability"]))
            raise UsageError(
                f"--precision={precision}: {details.get('device_name', 'the GPU')} has compute"
                f" capability {has}, and it needs {'.'.join(map(str, needed))}; use float32"
            )


@contextlib.contextmanager
def open_run(path: str, devices: Devices) -> Iterator[RunFolder]:
    """Yields the run folder that this process works in.

    For the chief that is the folder itself. Any other worker gets a temporary copy, and what it
    prints is discarded.

    Args:
      path: path of the run folder, which every worker must be able to read.
      devices: the result of `use`.

    Raises:
      TrainingError: another worker is gone.
    """
    run = RunFolder(path)
    if devices.workers == 1:
        yield run
        return
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        copy = RunFolder(pathlib.Path(folder) / "run")
        if not devices.chief:
            if run.path.is_dir():
                run.copy_to(copy.path)
            stack.enter_context(
                contextlib.redirect_stdout(stack.enter_context(pathlib.Path(os.devnull).open("w")))
            )
        try:
            _wait_for_all(devices.strategy)
            yield run if devices.chief else copy
        except (tf.errors.UnavailableError, TrainingError) as error:
            if not isinstance(error.__cause__ or error, tf.errors.UnavailableError):
                raise
            raise TrainingError(
                "another worker is gone; what is finished is kept: run the same command again"
                " on all"
            ) from error


def _wait_for_all(strategy: tf.distribute.Strategy) -> None:
    strategy.reduce("sum", strategy.run(lambda: tf.ones([])), axis=None)
