import json
import os

import pytest
import tensorflow as tf

from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.training import devices

WORKERS = ["127.0.0.1:1", "127.0.0.1:2"]


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    for name in ("TF_CONFIG", "SLURM_STEP_NUM_TASKS", "TPU_NAME"):
        monkeypatch.delenv(name, raising=False)


def test_auto_is_one_device_where_there_is_one(tiny_config):
    here = devices.use("auto", tiny_config)
    assert here.strategy is tf.distribute.get_strategy() and here.chief and here.workers == 1


def test_auto_takes_as_many_gpus_as_divide_the_batches(tiny_options, monkeypatch):
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: ["GPU"] * 7)
    for sizes, expected in [((16, 8), 4), ((14, 7), 7), ((9, 8), 1), ((12, 6), 6)]:
        training = configs.TrainingConfig(
            generator_batch_size=sizes[0], discriminator_batch_size=sizes[1]
        )
        assert devices._usable_gpus(training) == expected
    assert (
        devices._usable_gpus(configs.TrainingConfig(generator_batch_size=4, jit_compile=True)) == 1
    )


@pytest.mark.parametrize(
    ("cores", "changes", "variable", "expected"),
    [
        (2, {}, None, [1]),
        (2, {}, "4", []),
        (2, {"jit_compile": True}, None, []),
        (2, {"gan": "sngan"}, None, []),
        (1, {}, None, []),
        (8, {}, None, []),
    ],
)
def test_each_operation_of_cyclegan_has_one_core_of_two(
    cores, changes, variable, expected, monkeypatch
):
    asked = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(cores)))
    monkeypatch.setattr(tf.config.threading, "set_intra_op_parallelism_threads", asked.append)
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    if variable:
        monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", variable)
    devices.use(
        "one_device",
        configs.from_options({"gan": "cyclegan", "dataset": "shapes2stripes", **changes}),
    )
    assert asked == expected


def test_mirrored_has_a_replica_on_each_device_and_a_share_of_each_batch(tiny_options):
    assert (
        devices.use("mirrored", configs.from_options(tiny_options)).strategy.num_replicas_in_sync
        == 2
    )
    with pytest.raises(
        UsageError, match="--generator_batch_size=7 cannot be split evenly over 2 replicas"
    ):
        devices.use("mirrored", configs.from_options({**tiny_options, "generator_batch_size": 7}))


def test_scores_need_no_config_and_no_other_workers(tiny_config, monkeypatch):
    task = {"cluster": {"worker": WORKERS}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(task))
    assert (
        devices.use("auto").workers == 1
        and devices.use("mirrored").strategy.num_replicas_in_sync == 2
    )


def test_devices_that_are_not_there_are_refused(tiny_config, monkeypatch):
    with pytest.raises(UsageError, match="unknown strategy 'mirored': did you mean 'mirrored'"):
        devices.use("mirored", tiny_config)
    with pytest.raises(UsageError, match="there is no TPU"):
        devices.use("tpu", tiny_config)
    with pytest.raises(UsageError, match="neither TF_CONFIG nor Slurm's srun"):
        devices.use("multi_worker", tiny_config)
    monkeypatch.setattr(
        tf.config, "list_logical_devices", lambda kind: [kind] if kind == "CPU" else []
    )
    with pytest.raises(UsageError, match="sees no GPU here"):
        devices.use("mirrored", tiny_config)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "is not understood: expected"),
        ("[]", "is not understood: expected"),
        ("[1]", "is not understood: expected"),
        ('{"cluster": {"worker": 3}, "task": {"type": "worker", "index": 0}}', "is not understood"),
        (
            '{"cluster": {"worker": "a:1"}, "task": {"type": "worker", "index": 0}}',
            "not understood",
        ),
        ('{"cluster": {"worker": [1]}, "task": {"type": "worker", "index": 0}}', "not understood"),
        (
            '{"cluster": {"worker": ["a"]}, "task": {"type": "worker", "index": true}}',
            "worker True",
        ),
        ("[" * 100_000, "is not understood: expected"),
        ('{"cluster": {}}', "is not understood: expected"),
        (
            json.dumps({"cluster": {"worker": WORKERS}, "task": {"type": "boss", "index": 0}}),
            "is not understood: expected",
        ),
        (
            json.dumps({"cluster": {"worker": WORKERS}, "task": {"type": "worker", "index": 2}}),
            "worker 2, but the cluster has 2",
        ),
        (
            json.dumps({"cluster": {"worker": WORKERS}, "task": {"type": "worker", "index": "0"}}),
            "worker 0, but the cluster has 2",
        ),
        (
            json.dumps(
                {
                    "cluster": {"worker": WORKERS, "ps": ["a:1"]},
                    "task": {"type": "worker", "index": 0},
                }
            ),
            "tasks that this training has not: ps",
        ),
    ],
)
@pytest.mark.parametrize("name", ["auto", "multi_worker"])
def test_a_bad_tf_config_is_one_line(name, text, complaint, tiny_config, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(UsageError, match=complaint):
        devices.use(name, tiny_config)


def test_half_a_slurm_environment_is_one_line(tiny_config, monkeypatch):
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "2")
    with pytest.raises(UsageError, match="do not come together: SLURM_"):
        devices.use("auto", tiny_config)


@pytest.mark.parametrize("text", ["abc", "", "-1", "0", "2.5", "²", "9" * 5000])
@pytest.mark.parametrize("name", ["auto", "multi_worker"])
def test_a_number_of_slurm_tasks_that_is_none_is_one_line(name, text, tiny_config, monkeypatch):
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", text)
    with pytest.raises(UsageError, match=f"SLURM_STEP_NUM_TASKS={text[:80]} is not understood"):
        devices.use(name, tiny_config)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("SLURM_PROCID", text) for text in ("abc", "", "-1", "0,", "9" * 5000)),
        *(("SLURM_STEP_NODELIST", text) for text in ("n[", "n[1-x]", "n[0-999999999]", "a b")),
        *(("SLURM_STEP_TASKS_PER_NODE", text) for text in ("abc", "0", "2(x", "", "2(x3),,1")),
    ],
)
def test_other_variables_of_slurm_are_named_too(name, text, tiny_config, monkeypatch):
    good = {"PROCID": "0", "STEP_NODELIST": "a[1-2],b", "STEP_TASKS_PER_NODE": "1(x2),1"}
    for variable, value in {"STEP_NUM_TASKS": "3", **good}.items():
        monkeypatch.setenv(f"SLURM_{variable}", value)
    devices._check_slurm()
    monkeypatch.setenv(name, text)
    with pytest.raises(UsageError, match=f"{name}=.* is not understood: expected"):
        devices.use("auto", tiny_config)


def test_precision_that_a_device_has_not_is_refused(tiny_options, monkeypatch):
    config = configs.from_options({**tiny_options, "precision": "mixed_bfloat16"})
    details = {"device_name": "Tesla V100", "compute_capability": (7, 0)}
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["gpu"])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: details)
    with pytest.raises(
        UsageError,
        match=(
            r"--precision=mixed_bfloat16: Tesla V100 has compute capability 7.0, and it needs 8.0"
        ),
    ):
        devices.use("one_device", config)
    details["compute_capability"] = (8, 0)
    devices.use("one_device", config)
    with pytest.raises(UsageError, match="TPUs compute in bfloat16"):
        devices._check_precision("mixed_float16", "tpu")
