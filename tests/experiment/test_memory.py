import pytest

from tf_gan_lth.experiment import memory

TENSORFLOW = """Graph execution error:

Detected at node gan/dense/MatMul defined at (most recent call last):
<stack traces unavailable>
OOM when allocating tensor with shape[1000000000,128] and type float on /job:localhost by allocator
\t [[{{node gan/dense/MatMul}}]] [Op:__inference_one_step_on_iterator_12]"""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError(TENSORFLOW), " for a tensor of shape [1000000000,128], float"),
        (MemoryError("Unable to allocate 9 GiB for an array"), ""),
        (MemoryError(), ""),
        (RuntimeError("std::bad_alloc"), ""),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 12 bytes"), ""),
        (RuntimeError("Resource exhausted: /disk/events; No space left on device"), None),
        (ValueError("shapes [2,3] and [4,5] do not fit"), None),
    ],
)
def test_memory_that_does_not_suffice_is_told_from_other_errors(error, said):
    assert memory.shortage(error) == said


def test_what_is_available_is_no_more_than_a_container_has(tmp_path, monkeypatch):
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:    4000 kB\n")
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "CONTROL_GROUP", tmp_path)
    assert memory.available() == 4000 * 1024
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("900000\n")
    (tmp_path / "memory.stat").write_text("anon 7\ninactive_file 50000\n")
    assert memory.available() == 150000
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.available() == 4000 * 1024
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "missing")
    assert memory.available() is None
