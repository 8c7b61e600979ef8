"""docs/exports.md: what an exported generator may become, and that it stays the same function."""

import dataclasses
import json

import keras  # Keras 3, whatever TensorFlow calls its Keras
import numpy as np
import pytest
import tensorflow as tf

from tf_gan_lth import findings, gans
from tf_gan_lth.evaluation import saved_models
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.errors import ArtifactError
from tf_gan_lth.export import saved_model as exports
from tf_gan_lth.gans.layers import basic

pytestmark = pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")


def build(options):
    images = gans.ImageShape(8, channels=1)
    return gans.build(gans.find("sngan"), configs.from_options(options), images, seed=3)


@pytest.fixture(scope="module", params=[True, False], ids=["fused", "unfused"])
def made(request, tiny_options, tmp_path_factory):
    """An untrained generator and its export."""
    gan = build({**tiny_options, "fused_convolutions": request.param})
    network = gan.networks["generator"]
    snapshot = {path: v.numpy() for path, v in gans.variables(network).items()}
    facts = {"run": "mine", "replicate": 0, "round": 4, "branch": "main", "sparsity": 0.5}
    artifact = exports.SavedModel(tmp_path_factory.mktemp("export") / "saved_model")
    artifact.put(exports.Ticket(network, gan.prior, snapshot, {}, facts))
    return network, artifact.path


@pytest.fixture(scope="module")
def latents():
    return tf.random.stateless_normal([3, 128], [1, 2])


def run_lite(content, latents, resolver=tf.lite.experimental.OpResolverType.AUTO):
    interpreter = tf.lite.Interpreter(model_content=content, experimental_op_resolver_type=resolver)
    runner = interpreter.get_signature_runner("serving_default")
    [name] = runner.get_input_details()
    return runner(**{name: latents.numpy()})["images"]


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("count", [1, 3])  # few images are normalised in another way
def test_instances_are_normalised_for_export_as_in_training(affine, count):
    layer = basic.InstanceNormalization(affine)
    maps = tf.constant(np.random.default_rng(0).normal(3.0, 0.1, [count, 8, 8, 4]), tf.float32)
    layer.build(maps.shape)
    if affine:
        layer.set_weights([np.float32([1, 2, 0.5, -1]), np.float32([0, 1, -1, 2])])
    with basic.for_export():
        exported = layer(maps)
    np.testing.assert_allclose(exported, layer(maps), atol=2e-5)
    if not affine:
        np.testing.assert_allclose(tf.math.reduce_std(exported, [1, 2]), 1.0, atol=2e-3)


def test_doubling_for_export_has_the_same_bits_and_four_dimensions():
    images = tf.random.stateless_normal([2, 3, 5, 4], [1, 2])
    expected = basic.upsample_nearest(images)
    with basic.for_export():
        function = tf.function(basic.upsample_nearest).get_concrete_function(
            tf.TensorSpec([None, 3, 5, 4])
        )
    np.testing.assert_array_equal(function(images), expected)
    shapes = [t.shape.rank for op in function.graph.get_operations() for t in op.outputs]
    assert max(rank for rank in shapes if rank is not None) == 4


def test_signatures_and_facts_have_names(made, latents):
    network, path = made
    loaded = tf.saved_model.load(str(path))
    expected = network(latents, training=False)
    served = loaded.signatures["serving_default"]
    [name] = served.structured_input_signature[1]
    found = served(**{name: latents})
    assert list(found) == ["images"]
    np.testing.assert_allclose(found["images"], expected, atol=1e-6)
    count, seed = tf.constant(3), tf.constant([5, 6])
    sampled = loaded.signatures["sample"](count=count, seed=seed)
    assert list(sampled) == ["images"]
    np.testing.assert_array_equal(sampled["images"], loaded.sample(count, seed))
    facts = json.loads((path / "assets.extra" / "ticket.json").read_text())
    assert (facts["run"], facts["round"], facts["sparsity"]) == ("mine", 4, 0.5)
    assert saved_models.check_files(path)["files"].keys() >= {"saved_model.pb"}


@pytest.mark.parametrize("xnnpack", [True, False])
def test_lite_in_float32_returns_the_same_for_any_batch(made, latents, xnnpack):
    network, path = made
    content = tf.lite.TFLiteConverter.from_saved_model(
        str(path), signature_keys=["serving_default"]
    ).convert()
    resolvers = tf.lite.experimental.OpResolverType
    resolver = resolvers.AUTO if xnnpack else resolvers.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    found = run_lite(content, latents, resolver)
    np.testing.assert_allclose(found, network(latents, training=False), atol=1e-5)


def test_lite_with_dynamic_range_is_near(made, latents):
    network, path = made
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(path), signature_keys=["serving_default"]
    )
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    found = run_lite(converter.convert(), latents)
    np.testing.assert_allclose(found, network(latents, training=False), atol=0.1)


def test_lite_in_whole_int8_is_near(made, latents):
    network, path = made
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(path), signature_keys=["serving_default"]
    )
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    inputs = list(
        tf.saved_model.load(str(path)).signatures["serving_default"].structured_input_signature[1]
    )

    def examples():
        for number in range(20):
            yield {inputs[0]: tf.random.stateless_normal([1, 128], [number, 0])}

    converter.representative_dataset = examples
    found = run_lite(converter.convert(), latents)
    assert np.abs(found - network(latents, training=False)).mean() < 0.05


def test_keras_3_calls_it_as_a_layer(made, latents):
    network, path = made
    layer = keras.layers.TFSMLayer(str(path), call_endpoint="serving_default")
    model = keras.Sequential([keras.Input([128]), layer])
    np.testing.assert_allclose(
        model(latents)["images"], network(latents, training=False), atol=1e-6
    )


def test_an_export_that_was_changed_is_one_line(made):
    _, path = made
    file = path / "saved_model.pb"
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ArtifactError, match="saved_model.pb is missing, changed"):
        exports.SavedModel(path).get()
    file.write_bytes(content)
    exports.SavedModel(path).get()


def test_an_export_of_an_earlier_version_is_still_read(made):
    _, path = made
    description = path / "assets.extra" / "ticket.json"
    content = description.read_bytes()
    description.unlink()
    exports.SavedModel(path).get()
    description.write_bytes(content)


def test_what_a_kill_left_of_an_export_is_removed_also_where_another_ticket_is_the_best(finished):
    left = finished.replicate.round(1).path / "saved_model.partial"
    (left / "variables").mkdir(parents=True)
    (left / "saved_model.pb").write_bytes(b"half")
    _, verdicts = findings.judge_run(finished.run)
    none_found = {name: dataclasses.replace(v, best=None) for name, v in verdicts.items()}
    assert exports.export_tickets(finished.run, none_found) == []
    assert not left.exists()
