"""State dicts whose tensors are of unusual layout: read where they have values, else one line."""

import zipfile

import numpy as np
import pytest

from tf_gan_lth.experiment.errors import ArtifactError
from tf_gan_lth.gans.gan_lth_files import read_checkpoint

torch = pytest.importorskip("torch")
from gan_lth_reference import Generator  # noqa: E402

# PyTorch's own, of layouts that it calls experimental or is about to drop.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

KEY = "l1.weight"


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(0)
    return Generator().state_dict()


def saved(state, folder, tensor):
    path = folder / "generator.pth"
    torch.save({**state, KEY: tensor}, path)
    return path


def negated_lazily(tensor):
    return torch.conj(torch.complex(torch.zeros_like(tensor), -tensor)).imag


def in_other_strides(tensor):
    return torch.stack([tensor, tensor], -1).transpose(0, 1).contiguous()[..., 1].transpose(0, 1)


@pytest.mark.parametrize(
    "change",
    [
        lambda tensor: tensor.to_sparse(),
        lambda tensor: tensor.to_sparse_csr(),
        lambda tensor: tensor.double(),
        lambda tensor: torch.nn.Parameter(tensor),
        lambda tensor: torch.cat([tensor[:0], tensor])[:],
        negated_lazily,
        in_other_strides,
    ],
)
def test_values_are_read_in_every_layout(change, state, tmp_path):
    changed = change(state[KEY])
    plain, _ = read_checkpoint(str(saved(state, tmp_path, state[KEY])))
    read, _ = read_checkpoint(str(saved(state, tmp_path, changed)))
    for path, array in plain["generator"].weights.items():
        np.testing.assert_array_equal(read["generator"].weights[path], array)
        assert read["generator"].weights[path].dtype == np.float32


def test_16_bits_and_quantised_ones_are_read_as_what_they_stand_for(state, tmp_path):
    quantised = torch.quantize_per_tensor(state[KEY], 2**-8, 0, torch.qint8)
    expected, _ = read_checkpoint(str(saved(state, tmp_path, quantised.dequantize())))
    found, _ = read_checkpoint(str(saved(state, tmp_path, quantised)))
    pairs = [(found, expected)]
    half = state[KEY].bfloat16()
    expected, _ = read_checkpoint(str(saved(state, tmp_path, half.float())))
    pairs.append((read_checkpoint(str(saved(state, tmp_path, half)))[0], expected))
    for found, expected in pairs:
        first, second = (n["generator"].weights["dense/kernel"] for n in (found, expected))
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensor: tensor.to("meta"), "l1.weight has a shape and no values"),
        (lambda tensor: tensor.to(torch.complex64), "l1.weight holds complex numbers"),
        (lambda tensor: torch.zeros(1).expand(2**40), "declares 1,099,5.* numbers"),
        (lambda tensor: torch.sparse_coo_tensor(size=(2**20, 2**20)), "declares 1,099,5.* numbers"),
        (lambda tensor: torch.nested.nested_tensor([tensor[0], tensor[0, :3]]), "generator: "),
    ],
)
def test_what_has_no_values_or_too_many_is_one_line(change, message, state, tmp_path):
    path = saved(state, tmp_path, change(state[KEY]))
    with pytest.raises(ArtifactError, match=message) as error:
        read_checkpoint(str(path))
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_sparse_tensor_with_an_index_outside_of_it_is_refused(state, tmp_path):
    outside = torch.sparse_coo_tensor(
        [[10**9], [0]], [1.0], state[KEY].shape, check_invariants=False
    )
    with pytest.raises(ArtifactError, match="is broken, cut off or no file of torch.save"):
        read_checkpoint(str(saved(state, tmp_path, outside)))


def test_a_file_that_unpacks_to_more_than_it_holds_is_refused(state, tmp_path):
    path = saved(state, tmp_path, state[KEY])
    packed = tmp_path / "packed.pth"
    with (
        zipfile.ZipFile(path) as source,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            target.writestr(name, source.read(name) + bytes(2**20))
    with pytest.raises(ArtifactError, match="its entries take .* bytes, more than it has"):
        read_checkpoint(str(packed))
