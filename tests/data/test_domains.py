"""Two domains by name: their images, resized as the paper does, and a clear word on the rest."""

import os
import shutil

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image

from tf_gan_lth import data
from tf_gan_lth.data import shapes2stripes
from tf_gan_lth.experiment.errors import DataError, UsageError

COUNTS = {"trainA": 5, "trainB": 3, "testA": 2, "testB": 4}
PAIR = "cycle_gan/horse2zebra"


def smooth(draw, height, width, mode="RGB"):
    """A soft random picture, like a photograph, on which resizings agree."""
    return (
        Image.fromarray(draw.integers(0, 256, (4, 4, 3), np.uint8))
        .resize((width, height), Image.BICUBIC)
        .convert(mode)
    )


@pytest.fixture
def folder(tmp_path):
    draw = np.random.default_rng(0)
    for domain, count in COUNTS.items():
        (tmp_path / "pictures" / domain).mkdir(parents=True)
        for number in range(count):
            smooth(draw, 20, 30).save(tmp_path / "pictures" / domain / f"{number}.png")
    return tmp_path / "pictures"


def load(folder, split="train", resolution=10):
    return data.load_domains(f"folder:{folder}", split, resolution)


def test_a_folder_gives_every_picture_in_the_order_of_paths(folder):
    for split in ("train", "test"):
        domains = load(folder, split, 20)
        assert domains.masks is None
        for name, label, images in (("A", 0, domains.a), ("B", 1, domains.b)):
            assert images.name == f"folder:{folder}:{split}{name}"
            assert images.count == COUNTS[split + name]
            assert images.images.dtype == np.uint8
            assert images.labels.tolist() == [label] * images.count
            assert images.classes == 0
            stored = np.stack(
                [
                    np.asarray(Image.open(path))
                    for path in sorted((folder / f"{split}{name}").iterdir())
                ]
            )
            np.testing.assert_array_equal(images.images, data.pixels.resize(stored, 20, "bicubic"))


def test_pictures_become_squares_by_bicubic_resizing(folder):
    """Smaller and larger than stored; PIL is what the paper's code used."""
    for resolution in (11, 45):
        found = load(folder, resolution=resolution).a.images
        paths = sorted((folder / "trainA").iterdir())
        expected = [
            np.asarray(Image.open(path).resize((resolution, resolution), Image.BICUBIC))
            for path in paths
        ]
        assert abs(found.astype(int) - expected).max() <= 3
        bilinear = data.ImageFolder(folder, resolution, "trainA").read()
        assert (
            abs(found.astype(int) - expected).mean()
            < 0.5 * abs(bilinear.astype(int) - expected).mean()
        )


def test_pictures_of_several_sizes_and_formats_are_resized_together_and_hidden_files_left_out(
    folder,
):
    smooth(np.random.default_rng(1), 40, 15).save(folder / "trainB" / "large.JPG", "JPEG")
    smooth(np.random.default_rng(2), 5, 5, "P").save(folder / "trainB" / "small.bmp")
    (folder / "trainB" / ".DS_Store").write_text("x")
    assert load(folder).b.images.shape == (5, 10, 10, 3)


def test_two_grey_domains_are_fine(folder):
    for path in folder.glob("*/*.png"):
        Image.open(path).convert("L").save(path)
    assert load(folder).a.shape == load(folder).b.shape == (10, 10, 1)


def test_shapes_and_stripes_come_with_their_masks(tiny_options):
    domains = data.load_domains("shapes2stripes", "test", 64, tiny_options["data_dir"])
    for name, images in (("A", domains.a), ("B", domains.b)):
        assert images.name == f"shapes2stripes:test{name}" and images.shape == (64, 64, 3)
        masks = domains.masks[name.lower()]
        assert masks.shape == (200, 64, 64, 1) and masks.dtype == np.uint8
        expected = [shapes2stripes.draw("test", name, number) for number in range(200)]
        found = sorted(
            image.tobytes() + (mask == 255).tobytes()
            for image, mask in zip(images.images, masks, strict=True)
        )
        assert found == sorted(image.tobytes() + mask.tobytes() for image, mask in expected)
    train = data.load_domains("shapes2stripes", "train", 64, tiny_options["data_dir"])
    assert train.a.count == train.b.count == 1000
    every = np.concatenate(
        [part.images for part in (train.a, train.b, domains.a, domains.b)]
    ).reshape(2400, -1)
    assert len({image.tobytes() for image in every}) == 2400


def test_shapes_and_stripes_are_not_resized(tmp_path):
    with pytest.raises(
        UsageError,
        match="shapes2stripes is drawn at 64x64 pixels, not 72x72: .* resolution 64, and no crop$",
    ):
        data.load_domains(
            "shapes2stripes", "train", data.load_resolution("crop_and_flip", 64), str(tmp_path)
        )


def test_a_pair_of_tfds_is_read_whatever_the_sizes_of_its_images(tmp_path):
    draw = np.random.default_rng(0)
    stored = {
        domain: [np.asarray(smooth(draw, 20 + 5 * number, 30)) for number in range(count)]
        for domain, count in COUNTS.items()
    }
    builder = tfds.builder(PAIR, data_dir=tmp_path)
    splits = {
        domain: tf.data.Dataset.from_generator(
            lambda domain=domain, images=images: (
                {"image": image, "label": int(domain[-1] == "B")} for image in images
            ),
            output_signature={
                "image": tf.TensorSpec([None, None, 3], tf.uint8),
                "label": tf.TensorSpec([], tf.int64),
            },
        )
        for domain, images in stored.items()
    }
    tfds.dataset_builders.store_as_tfds_dataset(
        "cycle_gan",
        builder.version,
        builder.info.features,
        splits,
        config="horse2zebra",
        data_dir=tmp_path,
    )
    for split in ("train", "test"):
        domains = data.load_domains(PAIR, split, 12, str(tmp_path))
        for images in (domains.a, domains.b):
            expected = [
                data.pixels.resize(image, 12, "bicubic").tobytes() for image in stored[images.split]
            ]
            assert sorted(image.tobytes() for image in images.images) == sorted(expected)
        assert domains.a.name == f"{PAIR}:{split}A"
        assert domains.b.labels.tolist() == [1] * COUNTS[f"{split}B"]


def test_every_pair_of_tfds_is_known_and_others_are_answered_with_the_nearest(tmp_path):
    assert {"shapes2stripes", PAIR, "cycle_gan/summer2winter_yosemite", "cycle_gan/maps"} <= set(
        data.known_domains()
    )
    with pytest.raises(
        UsageError,
        match=(
            "unknown pair of domains 'cycle_gan/horse2zebr': did you mean 'cycle_gan/horse2zebra'"
        ),
    ):
        data.load_domains("cycle_gan/horse2zebr", "train", 64)
    with pytest.raises(
        UsageError, match="unknown split 'trainA': did you mean 'train'. Known: test, train"
    ):
        data.load_domains("shapes2stripes", "trainA", 64)
    (tmp_path / "file").write_text("x")
    with pytest.raises(
        DataError, match=f"{PAIR} cannot be prepared in {tmp_path}/file/sub: .*Not a directory"
    ):
        data.load_domains(PAIR, "train", 64, str(tmp_path / "file" / "sub"))


def empty(folder, keep=0):
    for path in sorted(folder.glob("trainB/*.png"))[keep:]:
        path.unlink()


def make_grey(folder):
    for path in folder.glob("trainB/*.png"):
        Image.open(path).convert("L").save(path)


@pytest.mark.parametrize(
    ("spoil", "kind", "message"),
    [
        (shutil.rmtree, UsageError, "there is no folder .*pictures$"),
        (
            lambda folder: shutil.rmtree(folder / "trainB"),
            DataError,
            (
                "pictures has no folder trainB: expected pictures in four, trainA, trainB, testA,"
                " testB$"
            ),
        ),
        (
            lambda folder: shutil.rmtree(folder / "testA"),
            DataError,
            "pictures has no folder testA: expected .* trainA, trainB, ",
        ),
        (empty, DataError, r"pictures/trainB has no pictures \(.png, "),
        (
            lambda folder: empty(folder, 1),
            DataError,
            "pictures has 1 image in trainB: expected at least 2 in each domain$",
        ),
        (
            make_grey,
            DataError,
            (
                "pictures: trainA holds RGB and trainB grey images; convert one of them, so that"
                " all are of one kind$"
            ),
        ),
        (
            lambda folder: Image.new("L", (30, 20)).save(folder / "trainB" / "1.png"),
            DataError,
            (
                r"trainB/1.png is 10x10 with 1 channel and 0.png is 10x10 with 3 channels: expected"
                r" one shape$"
            ),
        ),
        (
            lambda folder: Image.new("RGBA", (30, 20)).save(folder / "trainB" / "1.png"),
            DataError,
            (
                r"trainB/1.png holds RGBA pixels: expected 8-bit grey \(L\) or RGB without"
                r" transparency$"
            ),
        ),
        (
            lambda folder: Image.new("I;16", (30, 20)).save(folder / "trainB" / "1.png"),
            DataError,
            "trainB/1.png holds I;16 pixels: expected 8-bit grey",
        ),
        (
            lambda folder: (folder / "trainB" / "1.png").write_text("x"),
            DataError,
            "trainB/1.png is broken: no picture",
        ),
        (
            lambda folder: (folder / "trainB" / "a.txt").write_text("x"),
            DataError,
            "trainB/a.txt is not a picture: expected .png,",
        ),
    ],
)
def test_what_is_no_domain_is_refused_in_one_line(folder, spoil, kind, message):
    spoil(folder)
    with pytest.raises(kind, match=message) as caught:
        load(folder)
    assert "\n" not in str(caught.value)


def test_a_folder_without_its_prefix_is_answered_with_what_to_write(folder):
    with pytest.raises(UsageError, match=f"'{folder}' is a folder: write folder:{folder}"):
        data.load_domains(str(folder), "train", 10)


REAL_DATA = os.environ.get("TF_GAN_LTH_REAL_DATA")


@pytest.mark.skipif(not REAL_DATA, reason="TF_GAN_LTH_REAL_DATA is not set")
def test_real_photographs_are_read():
    domains = data.load_domains(f"folder:{REAL_DATA}/summer2winter", "test", 64)
    assert domains.a.images.shape == domains.b.images.shape == (50, 64, 64, 3)
