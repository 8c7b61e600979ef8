"""Importing without PyTorch says what to install; what it does with it:
tests/scripts/test_import_gan_lth.py.
"""

import sys

import pytest

from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.methods.importing import Request, import_round


def test_without_pytorch_the_error_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch", None)
    file = tmp_path / "checkpoint.pth"
    file.write_bytes(b"")
    with pytest.raises(UsageError, match=r"checkpoint.pth is PyTorch's: .*pip install torch$"):
        import_round(Request(str(file), str(tmp_path / "run"), {}))
    assert not (tmp_path / "run").exists()
