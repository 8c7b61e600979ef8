"""Compressions that were trained are compared: their dense GAN, budgets and costs."""

import csv
import io

import pytest
from compressions import compressed

import tf_gan_lth as lth
from tf_gan_lth.experiment.errors import RunFolderError
from tf_gan_lth.findings import side_by_side
from tf_gan_lth.report import side_by_side as pages

BUDGETS = (0.5,)


@pytest.fixture(scope="module")
def runs(dense, tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    return [
        compressed(dense.run.path, folder / name, method=name, budgets=BUDGETS, steps=3)
        for name in ("finetuning", "gan_slimming")
    ]


def test_what_was_trained_is_compared(dense, runs, tmp_path):
    found = side_by_side.read([dense.run, *(run.run for run in runs)])
    assert [entry.method for entry in found.entries] == ["dense GAN", "finetuning", "gan_slimming"]
    # The dense run has a second replicate, whose dense GAN no compression began with.
    assert [len(entry.results) for entry in found.entries] == [1, 1, 1]
    assert "replicate 1 is left out" in found.notes[0]
    assert found.budgets == [0.5] and [score.name for score in found.scores] == ["fid", "kid"]
    for entry in found.entries[1:]:
        assert 0 < entry.macs_share <= 0.5
    # All generator steps of a method count, those of its phases too.
    rows = list(csv.DictReader(io.StringIO(side_by_side.csv_file(found).decode())))
    assert [float(row["training_steps"]) for row in rows] == [4, 3, 3]
    phases = runs[1].replicate.round(0).phase("slimming").training.get()
    assert rows[2]["phases"] == f"slimming {phases['steps']}" and phases["steps"] > 0
    assert all(float(row["training_macs"]) > 0 for row in rows)
    text = pages.page(found, tmp_path / "page.html").decode()
    assert text.count("data:image/png;base64,") == 3 and "digits" in text


def test_a_compression_of_another_dense_gan_is_refused(dense, runs, tmp_path):
    shared = dense.run.path / "replicate_0"
    other = compressed(shared, tmp_path / "run", method="ticket", budgets=BUDGETS, steps=3)
    with pytest.raises(RunFolderError, match="is of another dense GAN than"):
        lth.compare(runs[0].run.path, other.run.path)
