"""SavedModels of others: what they may do."""

import pytest
import tensorflow as tf

from tf_gan_lth.evaluation import feature_networks, saved_models
from tf_gan_lth.experiment import trust
from tf_gan_lth.experiment.errors import EvaluationError
from tf_gan_lth.standalone import sample

SPEC = [tf.TensorSpec([None, 8, 8, 3])]


def outputs(images):
    means = tf.reduce_mean(images, [1, 2])
    return {"pool_3": means, "logits": means}


def save(path, function):
    module = tf.Module()
    module.weight = tf.Variable(1.0)
    module.f = tf.function(function, input_signature=SPEC)
    tf.saved_model.save(module, str(path), signatures=module.f)
    return path


def test_sample_reads_the_description_that_exports_have():
    assert f"{saved_models.DESCRIPTION_FOLDER}/{saved_models.DESCRIPTION}" == sample.DESCRIPTION


def writes(target):
    def function(images):
        tf.io.write_file(target, "written")
        return outputs(images)

    return function


@tf.function
def write_in_a_branch(target, images):
    if tf.reduce_mean(images) > -5.0:
        tf.io.write_file(target, "written")
    return images


@pytest.mark.parametrize(
    ("reach", "named"),
    [
        (lambda target, x: write_in_a_branch(target, x), "WriteFile"),
        (lambda target, x: x + tf.strings.to_number(tf.io.read_file(target)), "ReadFile"),
        (lambda target, x: tf.numpy_function(lambda a: a, [x], tf.float32), "EagerPyFunc|PyFunc"),
        (
            lambda target, x: tf.raw_ops.SaveV2(
                prefix=target, tensor_names=["a"], shape_and_slices=[""], tensors=[x]
            ),
            "SaveV2",
        ),
        (
            lambda target, x: tf.raw_ops.RestoreV2(
                prefix=target, tensor_names=["a"], shape_and_slices=[""], dtypes=[tf.float32]
            ),
            "RestoreV2",
        ),
        (lambda target, x: tf.print(x, output_stream=f"file://{target}"), "PrintV2 to a file"),
        (
            lambda target, x: tf.raw_ops.DebugIdentity(input=x, debug_urls=[f"file://{target}"]),
            "DebugIdentity",
        ),
        (lambda target, x: tf.data.TFRecordDataset(target).reduce(0, lambda n, _: n + 1), "TFRec"),
    ],
)
def test_what_reaches_out_of_the_model_is_refused_by_name(tmp_path, reach, named):
    target = str(tmp_path / "target")

    def function(images):
        with tf.control_dependencies([tf.identity(images)]):
            made = reach(target, images)
        with tf.control_dependencies([] if made is None else tf.nest.flatten(made)):
            return outputs(tf.identity(images))

    path = save(tmp_path / "model", function)
    with pytest.raises(EvaluationError, match=f"model does more than compute: .*({named})"):
        feature_networks.load(str(path))
    assert not (tmp_path / "target").exists()


def test_a_trusted_model_may(tmp_path, monkeypatch):
    target = tmp_path / "target"
    path = save(tmp_path / "model", writes(str(target)))
    with pytest.raises(EvaluationError, match="WriteFile.*--trust_models"):
        feature_networks.load(str(path))
    monkeypatch.setenv(trust.VARIABLE, "")
    trust.give()
    feature_networks.load(str(path)).function(tf.zeros([1, 8, 8, 3]))
    assert target.read_text() == "written"


def test_variables_random_numbers_loops_and_messages_are_no_danger(tmp_path):
    def function(images):
        count = tf.constant(0)
        for _ in tf.range(3):
            count += 1
        tf.print("images:", tf.shape(images))
        return outputs(images + tf.random.normal([1]) * tf.cast(count, tf.float32))

    network = feature_networks.load(str(save(tmp_path / "model", function)))
    assert network.function(tf.zeros([2, 8, 8, 3]))["pool_3"].shape == (2, 3)


def test_a_path_is_no_pattern(tmp_path):
    (tmp_path / "net[1]*").mkdir()
    path = save(tmp_path / "model", outputs).rename(tmp_path / "net[1]*" / "m?")
    assert feature_networks.load(str(path)).channels == 3


def test_each_changed_byte_of_a_described_model_is_noticed(tmp_path):
    path = save(tmp_path / "model", outputs)
    saved_models.describe(path, {"run": "mine"})
    assert saved_models.check_files(path)["run"] == "mine"
    saved_models.load(path)
    files = [path / "saved_model.pb", *path.glob("variables/*"), *path.glob("assets.extra/*")]
    assert len(files) == 4
    for file in files:
        content = file.read_bytes()
        half = len(content) // 2
        for changed in (
            content[:half],
            b"",
            content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :],
        ):
            file.write_bytes(changed)
            with pytest.raises(EvaluationError, match=str(path)) as raised:
                saved_models.load(path)
            assert "\n" not in str(raised.value)
        file.write_bytes(content)
    (path / "variables" / "more").write_text("")
    with pytest.raises(EvaluationError, match="variables/more is missing, changed or too much"):
        saved_models.load(path)


def test_broken_models_without_a_description_are_one_line(tmp_path):
    path = save(tmp_path / "model", outputs)
    data = path / "variables" / "variables.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:1])
    with pytest.raises(EvaluationError, match="model is not a SavedModel that can be loaded"):
        saved_models.load(path)
    (path / "saved_model.pb").write_bytes((path / "saved_model.pb").read_bytes()[:200])
    with pytest.raises(EvaluationError, match="model is not a SavedModel that can be loaded"):
        saved_models.load(path)
