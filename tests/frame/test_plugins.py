"""What a file of `--plugins` registers has a name; a file that fails is named with its line."""

import pathlib

import numpy as np
import pytest

import tf_gan_lth as lth
from tf_gan_lth.experiment.errors import UsageError

THINGS = pathlib.Path(__file__).parent / "my_things.py"


def find_ticket(tiny_options, path, **changes):
    options = {**tiny_options, "rounds": 1, "branch_rounds": (1,), **changes}
    return lth.find_ticket("sngan", options.pop("dataset"), path, progress=False, **options)


@pytest.fixture(scope="module")
def run(tiny_options, tmp_path_factory):
    return find_ticket(
        tiny_options,
        tmp_path_factory.mktemp("runs") / "plugins",
        plugins=(str(THINGS),),
        loss="my_loss",
        criterion="smallest_layers_first",
        branches=("untouched",),
        terms=("brightness:0.5",),
        augmentation="upside_down",
        feature_network="my_features",
    )


def test_what_it_registers_is_used(run):
    assert run.used["loss"] == "my_loss" and run.used["augmentation"] == "upside_down"
    ticket, branch = run.ticket(1), run.ticket(1, branch="untouched")
    for name, snapshot in ticket.weights.items():
        again = branch.weights[name]
        assert all(np.array_equal(array, again[path]) for path, array in snapshot.items())
    assert ticket.scores["generator"]["protocol"].startswith("digits+feature_network=my_features")


def test_its_criterion_ranks(run):
    dense, mask = run.ticket(0).weights["generator"], run.ticket(1).masks["generator"]
    scores = {path: np.abs(dense[path]) / np.abs(dense[path]).max() for path in mask}
    kept = np.concatenate([scores[path][mask[path]] for path in mask])
    lost = np.concatenate([scores[path][~mask[path]] for path in mask])
    assert lost.size and lost.max() <= kept.min()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("x = 1\ny = 1 / 0\n", "broken.py, line 2: ZeroDivisionError: division by zero"),
        ("def f(:\n", "broken.py.*SyntaxError"),
        ("import nothing_of_that_name\n", "line 1: ModuleNotFoundError"),
        (None, "--plugins=.*broken.py: there is no such file"),
        (
            "from tf_gan_lth.methods.branches import register\n"
            "@register\ndef random_mask(bench, ticket):\n    return ticket\n",
            "two of kind 'branch' are named random_mask",
        ),
    ],
)
def test_a_file_that_fails_is_refused(tiny_options, tmp_path, code, message):
    file = tmp_path / "broken.py"
    if code:
        file.write_text(code)
    with pytest.raises(UsageError, match=message) as error:
        find_ticket(tiny_options, tmp_path / "run", plugins=(str(file),))
    assert "\n" not in str(error.value) and not (tmp_path / "run").exists()
