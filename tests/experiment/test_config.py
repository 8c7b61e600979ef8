import dataclasses

import pytest

from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.errors import UsageError


def test_known_hashes_never_change():
    """A run folder is found again by its hash: if this test fails, every finished run is cut off
    from its config.
    """
    assert configs.Config().digest == "44136fa355b3"
    digits = {
        "dataset": "digits",
        "resolution": 16,
        "width": 16,
        "steps": 400,
        "learning_rate": 1e-3,
        "seed": 3,
    }
    assert configs.from_options(digits).digest == "ce4e49eec504"


def test_fields_at_their_default_do_not_enter_the_hash():
    assert configs.identity(configs.from_options({"rate": 0.2, "seed": 0})) == {}
    assert configs.identity(configs.from_options({"rate": 0.3})) == {"rate": 0.3}


@pytest.mark.parametrize(
    "extension",
    [
        {"rounds": 12},
        {"replicates": 3},
        {"branch_rounds": [1, 2]},
        {"branches": []},
        {"data_dir": "/x"},
        {"plugins": ["my_things.py"]},
    ],
)
def test_what_only_extends_a_run_is_not_its_identity(extension):
    assert configs.from_options(extension).digest == configs.Config().digest


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"rate": 0.5},
        {"steps": 10},
        {"num_eval_images": 100},
        {"resolution": 64},
        {"width": 16},
        {"method": "other"},
        {"terms": ["r1:10"]},
        {"mask_update": "other"},
        {"prune_dense": True},
    ],
)
def test_what_changes_a_result_is(change):
    assert configs.from_options(change).digest != configs.Config().digest


def test_options_survive_a_round_trip():
    config = configs.from_options(
        {"steps": "16", "branches": ["random_mask"], "branch_rounds": ["1", "3"], "rate": "0.5"}
    )
    assert config.training.steps == 16 and config.lottery.branch_rounds == (1, 3)
    assert configs.from_options(configs.to_options(config)) == config


@dataclasses.dataclass(frozen=True)
class Options:
    """What some GAN or method alone has."""

    width: int = configs.option(256, "channels", low=1)
    shape: str = configs.option("square", "of its maps", choices=("square", "round"))
    depths: tuple[int, ...] = configs.option((1, 2), "of its blocks", low=1)
    pool: int | None = configs.option(None, "its size", low=0)


def test_a_branch_that_is_named_twice_is_one():
    twice = configs.from_options({"branches": "random_init,random_mask,random_init"})
    assert twice.lottery.branches == ("random_init", "random_mask")


def test_what_no_concern_has_is_kept_for_its_owner():
    config = configs.from_options({"width": "16", "depths": ["3"], "pool": None, "colour": 3})
    assert config.extras == {"width": "16", "depths": ["3"], "colour": 3}
    assert configs.identity(config) == config.extras
    assert configs.from_options(configs.to_options(config)) == config
    assert configs.read_extras(Options, config.extras) == Options(width=16, depths=(3,))
    assert configs.read_extras(Options, {}) == Options()


@pytest.mark.parametrize(
    ("extras", "message"),
    [
        ({"width": 0}, "--width=0 is out of range: it must be at least 1"),
        ({"width": "wide"}, "--width=wide is not understood: expected int"),
        ({"depths": [2, 0]}, r"--depths=\(2, 0\) is out of range|--depths=0 is out of range"),
        ({"shape": "squar"}, "unknown value of --shape 'squar': did you mean 'square'"),
    ],
)
def test_an_owner_checks_its_options(extras, message):
    with pytest.raises(UsageError, match=message):
        configs.read_extras(Options, extras)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("rounds", -1),
        ("rate", 1.0),
        ("rate", -0.1),
        ("steps", 0),
        ("resolution", 4),
        ("branch_rounds", [0]),
        ("num_eval_images", 1),
        ("rate", float("nan")),
        ("learning_rate", float("inf")),
    ],
)
def test_values_out_of_range_are_named(option, value):
    with pytest.raises(UsageError, match=f"--{option}="):
        configs.from_options({option: value})


def test_values_of_another_type_are_named():
    with pytest.raises(UsageError, match="--branch_rounds="):
        configs.from_options({"branch_rounds": ["five"]})


def test_every_option_has_help_and_a_unique_name():
    fields = [
        field for section in configs.sections().values() for field in dataclasses.fields(section)
    ]
    assert len({field.name for field in fields}) == len(fields)
    assert all(field.metadata["help"] for field in fields)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": {}}, "--steps={} is not understood: expected int"),
        ({"steps": 2.5}, "--steps=2.5 is not understood: expected int"),
        ({"steps": float("inf")}, "--steps=inf is not understood"),
        ({"steps": 10**12}, "--steps=1000000000000 is out of range: it must be from 1 to 2147"),
        ({"steps": 10**5000}, "a number of thousands of digits"),
        ({"learning_rate": 10**400}, "--learning_rate=1000.* is not understood: expected float"),
        ({"rewind": "no"}, "--rewind=no is not understood: expected bool"),
        ({"branch_rounds": "1,x"}, "expected a list of int, separated by commas"),
        ({"branch_rounds": 3}, "expected a list of int, separated by commas"),
        ({"dataset": ["digits"]}, "is not understood: expected str"),
        ({"dataset": "d\nigits", "seed": "x\ny"}, "--seed=x y is not understood"),
        ({"seed": [1] * 1000}, r"--seed=\[1, 1, .*\.\.\. is not understood"),
    ],
)
def test_values_of_another_type_are_one_line(options, message):
    with pytest.raises(UsageError, match=message) as error:
        configs.from_options(options)
    assert "\n" not in str(error.value) and len(str(error.value)) < 200


def test_values_are_what_they_spell(tmp_path):
    options = {
        "branches": "random_mask,one_shot",
        "branch_rounds": "1,2",
        "rewind": "False",
        "fused_convolutions": 0,
        "steps": 3.0,
        "rounds": None,
        "data_dir": tmp_path,
    }
    config = configs.from_options(options)
    assert config.lottery.branches == ("random_mask", "one_shot")
    assert config.lottery.branch_rounds == (1, 2) and config.lottery.rounds == 10
    assert config.lottery.rewind is False and config.networks.fused_convolutions is False
    assert config.training.steps == 3 and config.data.data_dir == str(tmp_path)
