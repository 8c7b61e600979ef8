"""Tiny-ImageNet's folders as they are downloaded: pictures, labels, and what may be wrong there."""

import shutil

import numpy as np
import pytest
from PIL import Image

from tf_gan_lth import data
from tf_gan_lth.experiment.errors import DataError, UsageError

CLASSES = ("n01443537", "n01629819", "n02058221")
TOLD = ("n02058221", "n01443537", "n01443537", "n01629819")  # of val_0 and so on


def draw(path, seed, mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).convert(mode).save(path, "JPEG")


@pytest.fixture
def tiny(tmp_path):
    root = tmp_path / "tiny-imagenet-200"
    for number, name in enumerate(CLASSES):
        for picture in range(3):
            grey = (number, picture) in ((0, 0), (2, 1))
            file = root / "train" / name / "images" / f"{name}_{picture}.JPEG"
            draw(file, 10 * number + picture, "L" if grey else "RGB")
        (root / "train" / name / f"{name}_boxes.txt").write_text(f"{name}_0.JPEG\t0\t10\t63\t58\n")
    for picture in range(4):
        draw(root / "val" / "images" / f"val_{picture}.JPEG", 100 + picture)
        draw(root / "test" / "images" / f"test_{picture}.JPEG", 200 + picture)
    lines = [f"val_{number}.JPEG\t{name}\t0\t32\t44\t62\n" for number, name in enumerate(TOLD)]
    (root / "val" / "val_annotations.txt").write_text("".join(lines))
    (root / "wnids.txt").write_text("\n".join(CLASSES))
    (root / "words.txt").write_text("n01443537\tgoldfish\n")
    return root


def load(root, split="train", resolution=64):
    return data.load(f"folder:{root}", split, resolution)


def test_pictures_of_train_have_the_classes_of_their_folders(tiny):
    images = load(tiny)
    assert images.class_names == CLASSES and images.classes == 3
    assert images.labels.tolist() == [0] * 3 + [1] * 3 + [2] * 3
    assert images.shape == (64, 64, 3)
    files = sorted(tiny.glob("train/*/images/*.JPEG"))
    for file, found in zip(files, images.images, strict=True):
        np.testing.assert_array_equal(found, np.asarray(Image.open(file).convert("RGB")))


def test_pictures_of_val_have_the_classes_of_the_table(tiny):
    images = load(tiny, "val")
    assert images.class_names == CLASSES
    assert images.labels.tolist() == [CLASSES.index(name) for name in TOLD]
    first = np.asarray(Image.open(tiny / "val" / "images" / "val_0.JPEG"))
    np.testing.assert_array_equal(images.images[0], first)
    assert load(tiny, "val", 32).shape == (32, 32, 3)


def test_pictures_of_test_have_no_labels(tiny):
    images = load(tiny, "test")
    assert (images.count, images.classes, images.class_names) == (4, 0, None)


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_reference_has_the_same_pictures_and_labels(tiny, split):
    images = load(tiny, split)
    folder = data.open_images(f"folder:{tiny}", split, 64)
    np.testing.assert_array_equal(folder.read(), images.images)
    assert (folder.classes, folder.class_names) == (images.classes, images.class_names)
    if images.classes:
        assert folder.labels.tolist() == images.labels.tolist()
    assert next(folder.batches()).shape == (images.count, 64, 64, 3)


def test_val_may_have_been_sorted_into_classes(tiny):
    for number, name in enumerate(TOLD):
        target = tiny / "val" / name / "images" / f"val_{number}.JPEG"
        target.parent.mkdir(parents=True, exist_ok=True)
        (tiny / "val" / "images" / target.name).rename(target)
    (tiny / "val" / "images").rmdir()
    assert load(tiny, "val").labels.tolist() == sorted(CLASSES.index(name) for name in TOLD)
    data.check_classes(load(tiny), "biggan")


def test_a_conditional_gan_can_be_trained_on_it(tiny):
    data.check_classes(load(tiny), "biggan")
    with pytest.raises(UsageError, match="biggan asks for labels, which --dataset=folder:.* has"):
        data.check_classes(load(tiny, "test"), "biggan")


@pytest.mark.parametrize(
    ("spoil", "split", "kind", "message"),
    [
        (
            lambda root: shutil.rmtree(root / "train" / CLASSES[1] / "images"),
            "train",
            DataError,
            f"there is no folder .*train/{CLASSES[1]}/images, where pictures .* are expected$",
        ),
        (
            lambda root: [f.unlink() for f in (root / "train" / CLASSES[1]).glob("images/*")],
            "train",
            DataError,
            f"train/{CLASSES[1]}/images has no pictures .*: fill it or remove its class$",
        ),
        (
            lambda root: (root / "train" / CLASSES[1] / "images" / "a.txt").write_text("x"),
            "train",
            DataError,
            "images/a.txt is not a picture: expected .png",
        ),
        (
            lambda root: (root / "val" / "val_annotations.txt").write_text(
                f"val_0.JPEG\t{TOLD[0]}\n"
            ),
            "val",
            DataError,
            "val_annotations.txt has no line for val_1.JPEG: copy it again$",
        ),
        (
            lambda root: (root / "val" / "val_annotations.txt").write_text("val_0.JPEG n1\n"),
            "val",
            DataError,
            "val_annotations.txt, line 1: expected FILE<tab>CLASS, not 'val_0.JPEG n1'$",
        ),
        (
            lambda root: (root / "val" / "val_annotations.txt").write_bytes(b"\xff\xfe\n"),
            "val",
            DataError,
            "val_annotations.txt cannot be read: ",
        ),
        (
            lambda root: shutil.rmtree(root / "train" / TOLD[0]),
            "val",
            DataError,
            f"class {TOLD[0]} of .*val has no folder in .*/train$",
        ),
        (
            lambda root: None,
            "valid",
            UsageError,
            "unknown split of folder:.* 'valid': did you mean",
        ),
    ],
)
def test_what_is_wrong_is_one_line(tiny, spoil, split, kind, message):
    spoil(tiny)
    with pytest.raises(kind, match=message) as caught:
        load(tiny, split)
    assert "\n" not in str(caught.value)


def test_a_split_alone_is_answered_with_the_folder_above(tiny):
    with pytest.raises(UsageError, match=f"is a split of folder:{tiny}: give that one$"):
        load(tiny / "train")
