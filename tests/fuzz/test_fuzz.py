"""Broken inputs end in a result or in one line: a sample of them here, thousands in slow tests.

`python tests/fuzz/run.py` reads as many as one likes: 10,000 configs take two minutes.
"""

import pathlib
import random
import subprocess
import sys

import pytest
from kinds import KINDS, PAYLOAD, READ, refused
from mutations import hostile_value, mutated

from tf_gan_lth.experiment.errors import LONGEST, ToolkitError, UsageError

RUN = pathlib.Path(__file__).with_name("run.py")
SAMPLE = {"configs": 300}
ALL = {"configs": 3000}


def reader(kind, folder):
    if kind == "checkpoints":
        pytest.importorskip("torch")
    return KINDS[kind](folder)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_ends_in_results_and_single_lines(kind, tmp_path):
    reads = reader(kind, tmp_path)
    outcomes = [reads.run(number) for number in range(SAMPLE.get(kind, 60))]
    assert len(set(outcomes)) > 1 or kind == "arrays"
    assert not (tmp_path / PAYLOAD).exists()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_thousands_of_them_do(kind, tmp_path):
    reader(kind, tmp_path)
    command = [sys.executable, str(RUN), f"--kind={kind}", f"--count={ALL.get(kind, 2000)}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_inputs_are_functions_of_their_number():
    first, second = (random.Random(5) for _ in range(2))
    assert mutated(bytes(1000), first) == mutated(bytes(1000), second)
    assert repr(hostile_value(first)) == repr(hostile_value(second))


def test_what_is_a_fault():
    def fail(error):
        raise error

    assert refused(lambda: None) == READ
    assert refused(lambda: fail(UsageError("no"))) == "UsageError"
    with pytest.raises(KeyError):
        refused(lambda: fail(KeyError("name")))
    with pytest.raises(AssertionError):
        refused(lambda: fail(UsageError("")))


def test_a_message_is_one_line_of_bounded_length_whatever_it_quotes():
    assert str(UsageError("a\nb\r\nc\x1b[2Jd\u202e é")) == r"a b c\x1b[2Jd\u202e é"
    assert len(str(ToolkitError("x" * 10**6))) == LONGEST + len(" ... ")
    assert str(ToolkitError()) == ""
