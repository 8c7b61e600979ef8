"""`import_gan_lth.py` against PyTorch itself: an SNGAN under the names of the paper's code, pruned,
saved and imported.
"""

import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from running import run

from tf_gan_lth import gans
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment import locks
from tf_gan_lth.experiment.errors import RunFolderError, ToolkitWarning, UsageError
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.gans import ImageShape
from tf_gan_lth.methods.importing import Request, import_round
from tf_gan_lth.methods.parent import open_ticket
from tf_gan_lth.tasks.rescoring import Request as Evaluation
from tf_gan_lth.tasks.rescoring import evaluate

torch = pytest.importorskip("torch")
from gan_lth_reference import (  # noqa: E402
    D_WIDTH,
    OPTIONS,
    RESOLUTION,
    WIDTH,
    Generator,
    Theirs,
    convolutions,
    prune_rounds,
)
from torch.nn.utils import prune  # noqa: E402


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    return Theirs(tmp_path_factory.mktemp("theirs"))


@pytest.fixture(scope="module")
def feature_network(tmp_path_factory):
    def features(images):
        means = tf.reduce_mean(tf.reshape(images, [-1, 8 * 4, 8 * 4, 3]), [1, 2])
        return {"pool_3": means, "logits": means}

    module = tf.Module()
    module.f = tf.function(
        features, input_signature=[tf.TensorSpec([None, RESOLUTION, RESOLUTION, 3])]
    )
    path = tmp_path_factory.mktemp("features") / "m"
    tf.saved_model.save(module, str(path), signatures=module.f)
    return path


@pytest.fixture(scope="module")
def imported(theirs, feature_network, tmp_path_factory):
    """The run that the script writes, and what it prints."""
    path = tmp_path_factory.mktemp("runs") / "theirs"
    flags = [
        f"--checkpoint={theirs.file}",
        f"--run_dir={path}",
        f"--initial={','.join(theirs.initial())}",
    ]
    result = run(
        "import_gan_lth.py", *flags, f"--feature_network={feature_network}", "--num_eval_images=60"
    )
    assert result.returncode == 0, result.stderr
    assert "warning" not in result.stderr
    return RunFolder(path), result.stdout


def load(snapshot, network, width=WIDTH, d_width=D_WIDTH):
    config = configs.from_options({"width": width, "discriminator_width": d_width})
    gan = gans.build(gans.find("sngan"), config, ImageShape(RESOLUTION, 3), seed=0)
    gans.load_snapshot(gan.networks[network], snapshot)
    return gan.networks[network]


def reset(network, state):
    """A copy of their pruned network with the entries of a state dict."""
    copy = type(network)()
    prune_rounds(copy, "weight", 1)  # makes the masks' entries
    copy.load_state_dict(state)
    return copy.eval()


@torch.no_grad()
def test_outputs_are_theirs(theirs, imported):
    weights = imported[0].replicate(0).round(5).weights.get()
    latents = torch.randn(20, 128)
    ours = load(weights["generator"], "generator")(latents.numpy(), training=False)
    expected = theirs.generator(latents).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(ours, expected, atol=1e-4)
    assert expected.std() > 0.05
    ours = load(weights["discriminator"], "discriminator")(
        theirs.images.permute(0, 2, 3, 1).numpy(), training=False
    )
    expected = theirs.discriminator(theirs.images).numpy()
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-4)
    assert np.abs(expected).max() > 0.1


@torch.no_grad()
def test_the_average_is_what_their_training_scores(theirs, imported):
    """Averaged parameters in the live network: its masks, its statistics."""
    live, average = theirs.states["gen_state_dict"], theirs.states["avg_gen_state_dict"]
    names = {name for name, _ in theirs.generator.named_parameters()}
    state = {name: average[name] if name in names else live[name] for name in live}
    latents = torch.randn(20, 128)
    expected = reset(theirs.generator, state)(latents).permute(0, 2, 3, 1).numpy()
    folder = imported[0].replicate(0).round(5)
    ours = load(folder.weights.get()["generator_ema"], "generator")(latents.numpy(), training=False)
    np.testing.assert_allclose(ours, expected, atol=1e-4)


def test_masks_and_sparsity_are_theirs(theirs, imported):
    run, output = imported
    folder = run.replicate(0).round(5)
    masks = folder.masks.get()
    weights = folder.weights.get()
    sparsity = folder.sparsity.get()
    for name, network, form in [
        ("generator", theirs.generator, "weight_mask"),
        ("discriminator", theirs.discriminator, "_mask"),
    ]:
        total = sum(conv.weight.numel() for conv in convolutions(network))
        left = sum(
            int(value.sum()) for key, value in network.state_dict().items() if key.endswith(form)
        )
        assert (sparsity[name]["total"], sparsity[name]["remaining"]) == (total, left)
        assert f"{left / total:.1%} of {total:,} prunable weights remain" in output
        for snapshot in (weights[name], weights.get(name + "_ema", weights[name])):
            assert all(not np.any(snapshot[path][~kept]) for path, kept in masks[name].items())
            assert sum(np.count_nonzero(snapshot[path]) for path in masks[name]) == left
    assert sparsity["generator"]["sparsity"] == pytest.approx(1 - 0.8**5, abs=1e-3)
    notes = json.loads((folder.path / "imported.json").read_text())
    assert (notes["file"], notes["epoch"], notes["best_fid"]) == (
        "checkpoint_4.pth",
        320,
        14.25,
    ) and "FID 14.25" in output


def test_the_config_says_what_the_networks_are(imported, feature_network):
    config = imported[0].read_config()
    assert config.networks.gan == "sngan"
    assert config.extras == {"width": WIDTH, "discriminator_width": D_WIDTH}
    assert (config.data.dataset, config.data.resolution) == ("cifar10", RESOLUTION)
    assert config.lottery.prune == ("generator", "discriminator")
    assert (config.evaluation.protocol, config.evaluation.feature_network) == (
        "paper",
        str(feature_network),
    )


def test_theta_0_is_theirs_and_not_masked(theirs, imported):
    initial = imported[0].replicate(0).initial.get()
    file = torch.load(theirs.initial()[0], weights_only=True)
    expected = file["block3.c2.weight"].permute(2, 3, 1, 0).numpy()
    np.testing.assert_array_equal(initial["generator"]["block_2/conv_2/kernel"], expected)
    assert initial.keys() == {"generator", "discriminator"}


def test_a_ticket_with_its_theta_0_can_be_transferred(imported):
    folder = imported[0].replicate(0).round(5)
    parent = open_ticket(str(folder.path), "rewind")
    shapes = {
        name: {path: array.shape for path, array in weights.items()}
        for name, weights in folder.weights.get().items()
    }
    parent.check_fits(shapes, {name: list(mask) for name, mask in folder.masks.get().items()})
    assert parent.round_number == 5 and parent.kept.keys() == parent.weights.keys() == {
        "generator",
        "discriminator",
    }


def test_the_round_is_scored_as_any_other(imported, tmp_path, tmp_path_factory):
    output = tmp_path_factory.mktemp("scores") / "scores.json"
    for number in range(60):
        pixels = np.random.default_rng(number).integers(
            0, 256, (RESOLUTION, RESOLUTION, 3), np.uint8
        )
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    folder = imported[0].replicate(0).round(5)
    assert f"--images=round:{folder.path} --reference=cifar10" in imported[1]
    result = run(
        "evaluate.py",
        f"--images=round:{folder.path}",
        f"--reference=folder:{tmp_path}",
        f"--output={output}",
    )
    assert result.returncode == 0, result.stderr
    [scores] = json.loads(output.read_text())["scores"]
    assert np.isfinite(scores["fid"]) and scores["protocol_details"]["ema"]
    network = imported[0].read_config().evaluation.feature_network
    live = evaluate(
        Evaluation(f"round:{folder.path}", f"folder:{tmp_path}", "cyclegan", network, 60)
    )
    assert live["scores"][0]["fid"] != pytest.approx(scores["fid"], rel=1e-3)


def contents(folder):
    """{file: bytes} of all files but locks, which say who held them last."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != locks.NAME)
    return {path: path.read_bytes() for path in files}


def test_an_import_is_never_written_over(theirs, imported):
    run_folder, _ = imported
    folder = run_folder.replicate(0).round(5)
    before = contents(run_folder.path)
    evaluation = run_folder.read_config().evaluation
    options = {**OPTIONS, "feature_network": evaluation.feature_network, "num_eval_images": 60}
    with pytest.raises(
        RunFolderError,
        match=f"{folder.path} is there and is not overwritten: give another --run_dir or --round",
    ):
        import_round(Request(theirs.file, str(run_folder.path), options))
    with pytest.raises(
        RunFolderError, match="holds another experiment: --num_eval_images is 60 there and 10 here"
    ):
        import_round(
            Request(theirs.file, str(run_folder.path), {**options, "num_eval_images": 10}, round=6)
        )
    assert contents(run_folder.path) == before


def test_an_import_that_was_interrupted_is_finished_by_the_same_command(theirs, tmp_path):
    request = Request(theirs.file, str(tmp_path / "run"), OPTIONS)
    folder = import_round(request).folder
    folder.weights.path.rename(tmp_path / "weights")
    import_round(request)
    assert folder.weights.get()
    for artifact in (folder.masks, folder.weights):
        artifact.path.rename(tmp_path / f"old_{artifact.path.name}")
    folder.masks.put({"generator": {}})
    with pytest.raises(RunFolderError, match="masks holds something else and is not overwritten"):
        import_round(request)


def test_rounds_of_one_experiment_share_a_run(theirs, tmp_path):
    run_dir = str(tmp_path / "run")
    import_round(Request(theirs.file, run_dir, OPTIONS, initial=theirs.initial()))
    theta_0 = str(theirs.folder / "theta_0.pth")
    folder = import_round(Request(theta_0, run_dir, OPTIONS, initial=(theta_0,))).folder
    masks = folder.masks.get()
    assert folder.round_number == 0 and masks.keys() == {"generator", "discriminator"}
    assert all(kept.all() for mask in masks.values() for kept in mask.values())
    assert folder.weights.get().keys() == {"generator", "discriminator"}


def stripped(theirs):
    """Networks whose masks are made permanent, as their discriminators' are: zeros, and no entry
    that says so.
    """
    checkpoint = {}
    for key in ("gen_state_dict", "dis_state_dict"):
        state = dict(theirs.states[key])
        for name in [name for name in state if name.endswith("_mask")]:
            raw = name.removesuffix("_mask") + "_orig"
            state[name.removesuffix("_mask")] = state.pop(raw) * state.pop(name)
        checkpoint[key] = state
    return checkpoint


def test_zeros_are_masks_if_the_user_says_so(theirs, imported, tmp_path):
    file = theirs.save(stripped(theirs), "stripped.pth")
    with pytest.warns(ToolkitWarning) as warned:
        dense = import_round(Request(file, str(tmp_path / "dense"), OPTIONS))
    text = (
        "stripped.pth: 67.2% of the generator's weights are zero and it has no mask;"
        " --masks_from_zeros takes them for pruned"
    )
    assert len(warned) == 2 and text in str(warned[0].message)
    assert dense.folder.round_number == 0 and dense.sparsity["generator"]["sparsity"] == 0
    sparse = import_round(Request(file, str(tmp_path / "sparse"), OPTIONS, masks_from_zeros=True))
    expected = imported[0].replicate(0).round(5)
    assert sparse.folder.round_number == 5 and sparse.sparsity == expected.sparsity.get()
    for name, mask in sparse.folder.masks.get().items():
        assert all(
            np.array_equal(kept, expected.masks.get()[name][path]) for path, kept in mask.items()
        )


@pytest.mark.parametrize("form", ["state dict", "DataParallel", "legacy file", "average only"])
def test_a_generator_alone_is_enough(theirs, tmp_path, form):
    state = theirs.states["gen_state_dict"]
    if form == "DataParallel":
        state = {f"module.{name}": value for name, value in state.items()}
    content = {"avg_gen_state_dict": state} if form == "average only" else state
    file = theirs.save(content, f"{form}.pth", _use_new_zipfile_serialization=form != "legacy file")
    folder = import_round(Request(file, str(tmp_path / "run"), OPTIONS)).folder
    weights = folder.weights.get()
    assert folder.round_number == 5 and "discriminator" not in weights
    latents = torch.randn(4, 128)
    with torch.no_grad():
        expected = theirs.generator(latents).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(
        load(weights["generator"], "generator")(latents.numpy(), training=False),
        expected,
        atol=1e-4,
    )


def test_a_one_shot_ticket_needs_the_number_of_its_round(theirs, tmp_path):
    generator = Generator()
    prune.global_unstructured(
        [(conv, "weight") for conv in convolutions(generator)], prune.L1Unstructured, amount=0.7
    )
    file = theirs.save(generator.state_dict(), "one_shot.pth")
    with pytest.raises(
        UsageError,
        match=(
            r"one_shot.pth keeps 29.99% of the generator's weights, which no round leaves.*--round"
        ),
    ):
        import_round(Request(file, str(tmp_path / "run"), OPTIONS))
    assert not (tmp_path / "run").exists()
    assert (
        import_round(Request(file, str(tmp_path / "run"), OPTIONS, round=3)).folder.round_number
        == 3
    )
    with pytest.raises(UsageError, match="--round=-1 is out of range"):
        Request(file, "run", OPTIONS, round=-1)
