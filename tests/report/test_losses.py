import numpy as np
import pytest
import tensorflow as tf

from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.report import losses


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path / "run").replicate(0).round(1)


def write(folder, steps, value):
    with tf.summary.create_file_writer(str(folder.curves / "train")).as_default():
        for step in steps:
            tf.summary.scalar("batch_generator_loss", value + step, step)
            tf.summary.scalar("batch_discriminator_loss", -step, step)
            tf.summary.scalar("epoch_learning_rate", 1.0, step)


def test_losses_are_read_generators_first(folder):
    write(folder, range(0, 50, 10), 0.5)
    found = losses.read(folder)
    assert list(found) == ["generator_loss", "discriminator_loss"]
    steps, values = found["generator_loss"]
    assert steps.tolist() == [0, 10, 20, 30, 40] and values.tolist() == [s + 0.5 for s in steps]


def test_of_a_training_that_was_killed_and_continued_the_last_curve_is_taken(folder, tmp_path):
    write(folder, range(0, 60, 10), 0.0)
    (first,) = (folder.curves / "train").iterdir()
    first.rename(first.with_name("events.out.tfevents.0000000001.a"))
    write(folder, range(30, 100, 10), 1000.0)
    steps, values = losses.read(folder)["generator_loss"]
    assert steps.tolist() == list(range(0, 100, 10))
    assert values.tolist() == [s if s < 30 else s + 1000.0 for s in steps]


def test_long_curves_are_thinned_and_what_is_not_finite_is_left_out(folder):
    write(folder, range(1000), 0.0)
    with tf.summary.create_file_writer(str(folder.curves / "train")).as_default():
        tf.summary.scalar("batch_generator_loss", np.nan, 1000)
    steps, values = losses.read(folder)["generator_loss"]
    assert len(steps) == losses.MOST_POINTS and steps[0] == 0 and np.isfinite(values).all()


def test_files_are_read_once_until_they_grow(folder):
    write(folder, range(3), 0.0)
    before = losses._curves.cache_info().misses
    assert losses.read(folder) is losses.read(folder)
    assert losses._curves.cache_info().misses == before + 1
    write(folder, range(3, 6), 0.0)
    assert losses.read(folder)["generator_loss"][0].tolist() == list(range(6))


def test_without_files_or_with_a_broken_one_there_are_fewer_curves(folder):
    assert losses.read(folder) == {} and losses.common_scale([{}]) is None
    log = folder.curves / "train"
    log.mkdir(parents=True)
    (log / "events.out.tfevents.1.broken").write_bytes(b"nothing that TensorBoard wrote" * 9)
    assert losses.read(folder) == {}
    write(folder, range(5), 1.0)
    curves = losses.read(folder)
    text = losses.draw(curves, losses.common_scale([curves, {}]), "round <1>")
    assert text.count("<polyline") == 2 and "round &lt;1&gt;" in text
