import pytest

from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.experiment.registry import Registry


@pytest.fixture
def shapes():
    """Things by name, of which one cannot be combined with everything."""
    shapes = Registry("shape")

    @shapes.register
    def circle():
        return "round"

    def corners(config, gan):
        yield f"--seed={config.seed}: {gan} has no corners"

    @shapes.register(name="square", complaints=corners)
    def rectangle():
        return "flat"

    return shapes


def test_things_are_found_by_their_own_name_or_by_the_given_one(shapes):
    assert list(shapes) == ["circle", "square"] and len(shapes) == 2
    assert shapes["circle"]() == "round" and shapes["square"]() == "flat"
    assert "circle" in shapes and "rectangle" not in shapes


def test_an_unknown_name_is_answered_with_the_nearest(shapes):
    message = "unknown shape 'sqare': did you mean 'square'. Known: circle, square"
    with pytest.raises(UsageError, match=message):
        shapes["sqare"]
    with pytest.raises(UsageError, match=message):
        list(shapes.complaints("sqare", Config(), None))


def test_two_things_of_one_name_are_refused(shapes):
    with pytest.raises(UsageError, match="two of kind 'shape' are named circle: rename one"):
        shapes.register(lambda: "oval", name="circle")
    shapes.remove("circle")
    shapes.register(lambda: "oval", name="circle")
    assert shapes["circle"]() == "oval"


def test_each_thing_says_what_it_cannot_be_combined_with(shapes):
    assert list(shapes.complaints("circle", Config(), "a GAN")) == []
    complaints = list(shapes.complaints("square", Config(seed=4), "a GAN"))
    assert complaints == ["--seed=4: a GAN has no corners"]
