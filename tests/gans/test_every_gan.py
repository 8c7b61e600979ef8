"""What holds for every GAN of the package that draws images, whatever its networks are."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from helpers import run_lottery

import tf_gan_lth as lth
from tf_gan_lth import data, export, findings, gans
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.gans import ImageShape
from tf_gan_lth.gans.snapshots import load_snapshot, take_snapshot
from tf_gan_lth.pruning.channel_masks import Channels
from tf_gan_lth.pruning.channels import channel_groups
from tf_gan_lth.pruning.cost import cost
from tf_gan_lth.pruning.masks import apply
from tf_gan_lth.pruning.slimming import slim
from tf_gan_lth.training import Start, Trainer
from tf_gan_lth.training.options import resolve

CLASSES = 3
CASES = {name: {} for name in gans.known() if gans.find(name).step == "noise_to_image"}
CASES["sngan --conditional"] = {"gan": "sngan", "conditional": True}
# What stands for the others where each would take long: batch norms in the discriminator, a
# classifier, and all of spectral norms, attention and features as condition.
FEW = ("dcgan", "acgan", "biggan")
QUICK = {("dcgan", "element"), ("acgan", "channel")}
SMALL = {
    "width": 4,
    "discriminator_width": 4,
    "steps": 2,
    "discriminator_steps": 1,
    "generator_batch_size": 8,
    "discriminator_batch_size": 8,
    "ema_decay": 0.5,
}
SEED = np.array([3, 4], np.int32)


def options_of(case: str, **changes: object) -> dict[str, object]:
    return {"gan": case, **SMALL, **CASES[case], **changes}


def build(case: str, resolution: int = 16, **changes: object) -> gans.GAN:
    config = configs.from_options(options_of(case, **changes))
    spec = gans.find(config.networks.gan)
    labelled = spec.asks_labels(gans.options_of(spec, config))
    shape = ImageShape(resolution, 1, CLASSES if labelled else 0)
    return gans.build(spec, config, shape, seed=1, precision=config.training.precision)


def images(count: int = 24) -> data.ImageSet:
    drawn = np.random.default_rng(0).integers(0, 256, [count, 16, 16, 1], dtype=np.uint8)
    labels = np.arange(count) % CLASSES
    return data.ImageSet("noise", "train", drawn, labels, classes=CLASSES)


def make_trainer(case: str, strategy=None, **changes: object) -> Trainer:
    config = configs.from_options(options_of(case, **changes))
    return Trainer(build(case, **changes), config.training, images(), strategy)


def start_of(case: str) -> Start:
    networks = build(case).networks
    return Start({name: take_snapshot(network) for name, network in networks.items()}, {}, SEED)


def assert_trained(trainer: Trainer, start: Start) -> dict:
    """Trains; every kernel of both networks has moved, once all is traced once."""
    trained = trainer.train(start).weights
    assert trainer.model.traces == trainer.strategy.num_replicas_in_sync
    for name, snapshot in start.weights.items():
        for path, before in snapshot.items():
            assert np.all(np.isfinite(trained[name][path])), path
            if path.endswith(("kernel", "gains", "shifts", "embeddings", "sigma")):
                assert np.any(trained[name][path] != before), f"{name}/{path}"
    return trained


@pytest.mark.parametrize("case", CASES)
def test_it_trains_with_everything_augmented_and_a_ticket_stays_pruned(case, half_pruned):
    trainer = make_trainer(case, augmentation="color,translation,cutout")
    start = start_of(case)
    first = assert_trained(trainer, start)
    again = trainer.train(start).weights
    assert all(np.array_equal(first[n][p], again[n][p]) for n in first for p in first[n])
    weights, kept = half_pruned(trainer, start.weights)
    trained = trainer.train(dataclasses.replace(start, weights=weights, kept=kept)).weights
    for name, paths in kept.items():
        for path, stays in paths.items():
            assert not np.any(trained[name][path][~stays]) and np.any(trained[name][path][stays])


@pytest.mark.parametrize("case", CASES)
def test_networks_without_their_pruned_channels_compute_what_the_masked_ones_do(case):
    draw = np.random.default_rng(0)
    for name, network in build(case, width=8, discriminator_width=8).networks.items():
        groups = channel_groups(network)
        assert groups.total > 8 and not groups.unknown, name
        full = Channels.everything(groups)
        scores = {group.name: draw.random(group.size) for group in groups.prunable}
        mask = full.keep(scores, full.total // 2)
        snapshot = take_snapshot(network)
        for path, array in snapshot.items():
            noise = draw.normal(0.0, 0.1, array.shape).astype(np.float32)
            snapshot[path] = np.abs(array + noise) if path.endswith("variance") else array + noise
        narrow, sliced = slim(network, snapshot, mask)
        load_snapshot(network, apply(snapshot, mask.expand()))
        load_snapshot(narrow, sliced)
        assert cost(network, mask.expand()).macs_left == cost(narrow).macs < cost(network).macs
        inputs = [
            tf.range(5) % CLASSES
            if tensor.dtype.is_integer
            else tf.constant(draw.normal(size=[5, *tensor.shape[1:]]), tf.float32)
            for tensor in network.inputs
        ]
        for training in (False, True):
            pairs = zip(
                tf.nest.flatten(network(inputs, training=training)),
                tf.nest.flatten(narrow(inputs, training=training)),
                strict=True,
            )
            for whole, slimmed in pairs:
                scale = float(tf.reduce_max(tf.abs(whole)))
                np.testing.assert_allclose(slimmed / scale, whole / scale, atol=2e-5)


@pytest.mark.parametrize(
    ("case", "unit"),
    [
        pytest.param(case, unit, marks=() if (case, unit) in QUICK else pytest.mark.slow)
        for case in CASES
        for unit in ("element", "channel")
    ],
)
def test_a_lottery_of_it_ends_in_an_export_of_the_same_images(case, unit, tiny_options, tmp_path):
    options = {
        **tiny_options,
        **CASES[case],
        "gan": CASES[case].get("gan", case),
        "resolution": 16,
        "width": 4,
        "discriminator_width": 4,
        "rounds": 1,
        "branches": (),
        "unit": unit,
        "prune": ("generator", "discriminator"),
    }
    done = run_lottery(options, tmp_path / "run")
    findings.write_results(done.run)
    verdict = dataclasses.replace(findings.judge_run(done.run)[1]["generator"], best=1)
    [path] = export.export_tickets(done.run, {"generator": verdict})
    loaded = tf.saved_model.load(str(path))
    ticket = lth.open_run(done.run.path).ticket(1)
    drawn = done.bench.task.sampler.prior.draw(4, tf.constant([1, 2]))
    expected = ticket.generator()(drawn if len(drawn) > 1 else drawn[0])
    np.testing.assert_allclose(loaded(*drawn), expected, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("case", ["wgan_gp", *FEW])
def test_it_trains_compiled_in_16_bits_and_on_two_replicas(case, two_replicas):
    terms = {"terms": ("gradient_penalty:1",)}
    start = start_of(case)
    plain = assert_trained(make_trainer(case, **terms), start)
    compiled = assert_trained(make_trainer(case, jit_compile=True, **terms), start)
    for path, array in plain["discriminator"].items():
        near = np.abs(compiled["discriminator"][path] - array) < 1e-3
        assert np.mean(near) > 0.9, path
    assert_trained(make_trainer(case, precision="mixed_bfloat16", **terms), start)
    # The loss scale is found first, in steps that are left out.
    assert_trained(make_trainer(case, precision="mixed_float16", steps=16, **terms), start)
    assert_trained(make_trainer(case, two_replicas, **terms), start)


def test_usual_terms_are_there_unless_a_run_gives_them_another_weight():
    def terms(gan, *asked):
        config = configs.from_options({"gan": gan, "terms": asked}).training
        return resolve(config, gans.find(gan)).terms

    assert terms("wgan_gp") == ("gradient_penalty:10",)
    assert terms("wgan_gp", "r1:1") == ("gradient_penalty:10", "r1:1")
    assert terms("wgan_gp", "gradient_penalty:0") == ("gradient_penalty:0",)
    assert terms("sngan", "r1:1") == ("r1:1",)
    assert terms("acgan") == ("classify_real:1", "classify_fake:1", "recognizable:1")
    config = resolve(configs.from_options({"gan": "acgan"}).training, gans.find("acgan"))
    assert resolve(config, gans.find("acgan")) == config


def test_classes_are_asked_of_a_discriminator_that_tells_them():
    with pytest.raises(UsageError, match="--terms=classify_real needs a discriminator that class"):
        make_trainer("projgan", terms=("classify_real:1",)).train(start_of("projgan"))


@pytest.mark.parametrize("case", ["acgan", "sngan --conditional"])
def test_images_of_no_class_and_of_a_single_one_are_refused(case, tiny_options, tmp_path):
    options = {**tiny_options, **CASES[case], "gan": CASES[case].get("gan", case)}
    name = options["gan"]
    for labels, message in [
        (None, f"{name} asks for labels, which --dataset=.* has not"),
        (np.zeros(30, np.int64), f"{name} tells classes apart, and all images of .* are of one"),
    ]:
        pixels = np.random.default_rng(0).integers(0, 256, [30, 8, 8, 1], dtype=np.uint8)
        arrays = {"images": pixels} if labels is None else {"images": pixels, "labels": labels}
        np.savez(tmp_path / "set.npz", **arrays)
        with pytest.raises(UsageError, match=message):
            run_lottery({**options, "dataset": f"npz:{tmp_path / 'set.npz'}"}, tmp_path / "run")


def test_networks_of_fewer_classes_than_the_images_have_are_refused():
    spec = gans.find("projgan")
    built = dataclasses.replace(
        spec,
        build=lambda options, images, fused: spec.build(
            options, dataclasses.replace(images, classes=2), fused
        ),
    )
    config = configs.from_options({"gan": "projgan", "width": 4})
    with pytest.raises(UsageError, match="block_1/norm_1 knows 2 classes, and the images have 3"):
        gans.build(built, config, ImageShape(8, 1, 3), seed=0)
    assert gans.build(built, config, ImageShape(8, 1, 2), seed=0)


def test_a_classifier_of_fewer_classes_than_the_images_have_is_refused():
    spec = gans.find("acgan")

    def build(options, images, fused):
        fewer = spec.build(options, dataclasses.replace(images, classes=2), fused)
        return {**spec.build(options, images, fused), "discriminator": fewer["discriminator"]}

    built = dataclasses.replace(spec, build=build)
    config = configs.from_options({"gan": "acgan", "width": 4})
    with pytest.raises(UsageError, match="discriminator returns logits of 2 classes, and the imag"):
        gans.build(built, config, ImageShape(8, 1, 3), seed=0)
    assert gans.build(built, config, ImageShape(8, 1, 2), seed=0)


def test_an_augmentation_of_a_gan_that_has_none_is_refused():
    spec = gans.find("dcgan")
    usual = dataclasses.replace(spec.usual, augmentation=None)
    config = configs.from_options({"augmentation": "color"}).training
    with pytest.raises(UsageError, match="--augmentation=color is no option of dcgan"):
        resolve(config, dataclasses.replace(spec, usual=usual))
