"""Images that a conditional GAN cannot be trained on are refused before anything is trained."""

import shutil

import numpy as np
import pytest
from PIL import Image

from tf_gan_lth import data
from tf_gan_lth.data import ImageFolder
from tf_gan_lth.experiment.errors import UsageError

GAN = "projgan"


@pytest.fixture
def folder(tmp_path):
    """Two splits of three classes, two pictures each."""
    draw = np.random.default_rng(0)
    for split in ("train", "test"):
        for name in ("ant", "bird", "cat"):
            path = tmp_path / "pictures" / split / name
            path.mkdir(parents=True)
            for number in range(2):
                Image.fromarray(draw.integers(0, 256, (8, 8, 3), np.uint8)).save(
                    path / f"{number}.png"
                )
    return tmp_path / "pictures"


def check(folder):
    data.check_classes(data.load(f"folder:{folder}", "train", 8), GAN)


def move(folder, name, new):
    shutil.move(folder / name, folder / new)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda folder: shutil.rmtree(folder / "test" / "cat"),
            "the class folders of folder:.*/pictures differ between splits: test has no cat; give",
        ),
        (
            lambda folder: move(folder, "train/cat", "train/cats"),
            "differ between splits: test has no cats; train has no cat; give all splits the same$",
        ),
        (
            lambda folder: (
                shutil.rmtree(folder / "test"),
                [shutil.rmtree(folder / "train" / name) for name in ("bird", "cat")],
            ),
            f"{GAN} tells classes apart, and all images of --dataset=folder:.*pictures are of one",
        ),
        (
            lambda folder: (
                [
                    file.rename(folder / split / f"{name}_{file.name}")
                    for split in ("train", "test")
                    for name in ("ant", "bird", "cat")
                    for file in (folder / split / name).glob("*.png")
                ]
                + [path.rmdir() for path in folder.glob("*/*") if path.is_dir()]
            ),
            f"^{GAN} asks for labels, which --dataset=folder:.*pictures has not$",
        ),
    ],
)
def test_folders_that_do_not_do_are_one_line_that_names_the_classes(folder, spoil, message):
    check(folder)
    spoil(folder)
    with pytest.raises(UsageError, match=message) as caught:
        check(folder)
    assert "\n" not in str(caught.value)


def test_many_classes_are_not_all_named(folder):
    for number in range(9):
        shutil.copytree(folder / "train" / "ant", folder / "train" / f"kind_{number}")
    expected = "test has no kind_0, kind_1, kind_2, kind_3, kind_4 and 4 more; give all"
    with pytest.raises(UsageError, match=expected):
        check(folder)


def test_a_split_without_labels_beside_others_is_no_difference(folder):
    for name in ("ant", "bird", "cat"):
        shutil.rmtree(folder / "test" / name)
    for number in range(2):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / "test" / f"{number}.png")
    check(folder)


def test_a_class_without_an_image_is_named():
    images = np.zeros([6, 8, 8, 1], np.uint8)
    labels = [0, 2, 2, 5, 5, 0]
    with pytest.raises(
        UsageError, match="tells 6 classes apart, and array:train has no image of 1, 3, 4: number"
    ):
        data.check_classes(data.from_array(images, labels), GAN)
    data.check_classes(data.from_array(images, [0, 1, 1, 2, 2, 0]), GAN)


def test_a_folder_to_compare_with_has_the_labels_of_the_one_to_train_on(folder):
    shutil.rmtree(folder / "test" / "ant")
    for split in ("train", "test"):
        images = data.load(f"folder:{folder}", split, 8)
        scored = ImageFolder(folder, 8, split)
        assert scored.labels.tolist() == images.labels.tolist()
        assert scored.class_names == images.class_names == ("ant", "bird", "cat")
    alone = ImageFolder(folder / "train", 8)
    assert (alone.classes, alone.labels.tolist()) == (3, [0, 0, 1, 1, 2, 2])
    assert ImageFolder(folder, 8).classes == 0  # splits in one, which are no classes
    assert ImageFolder(folder / "train" / "ant", 8).class_names is None
