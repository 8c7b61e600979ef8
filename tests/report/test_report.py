import html
import html.parser
import shutil

import pytest
import tensorflow as tf
from helpers import set_up
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from tf_gan_lth import findings, report
from tf_gan_lth.experiment.errors import EvaluationError, RunFolderError
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.methods import jobs


def test_the_page_is_self_contained_and_shows_what_was_found(finished):
    report.write(finished.run)
    page = finished.run.report.get().decode()
    references = []

    class Parser(html.parser.HTMLParser):
        def handle_starttag(self, tag, attributes):
            references.extend(
                value for name, value in attributes if name in ("src", "href", "xlink:href")
            )

    Parser().feed(page)
    assert references and all(reference.startswith(("data:", "#")) for reference in references)
    verdict = findings.judge_run(finished.run)[1]["generator"]
    assert verdict.sentence[1:] in html.unescape(page)
    assert page.count("<svg") == 2 and page.count("data:image/png") >= 4
    for word in (
        "random mask",
        "random init",
        "block_1/conv_1",
        "Before training, it scores",
        "--learning_rate",
        "digits",
    ):
        assert word in page, word


def test_the_same_run_gives_the_same_page(finished):
    report.write(finished.run)
    first = finished.run.report.get()
    report.write(finished.run)
    assert finished.run.report.get() == first


def load(path):
    events = event_accumulator.EventAccumulator(str(path), size_guidance={"tensors": 0})
    events.Reload()
    return events


def test_tensorboard_has_scores_sparsity_and_samples_by_round(finished):
    report.write(finished.run)
    events = load(finished.run.tensorboard / "replicate_0" / "rounds" / "main")
    fids = {
        event.step: float(tf.make_ndarray(event.tensor_proto))
        for event in events.Tensors("scores/fid")
    }
    rows = [row for row in findings.read_results(finished.run) if row.branch == "main"]
    assert set(fids) == {row.round for row in rows} and abs(fids[1] - rows[1].fid) < 1e-3
    tags = events.Tags()["tensors"]
    assert (
        "sparsity/generator" in tags
        and "sparsity_generator/block_1/conv_1/kernel" in tags
        and "samples" in tags
    )
    assert (finished.run.tensorboard / "replicate_0" / "rounds" / "random_mask").is_dir()


def test_tensorboard_has_the_losses_of_each_training(finished):
    folder = finished.run.tensorboard / "replicate_0" / "round_02" / "main"
    losses = load(folder / "train")
    # Masks that do not change within a training say nothing there: they are curves over rounds.
    assert {*losses.Tags()["tensors"]} == {"batch_discriminator_loss", "batch_generator_loss"}
    assert [event.step for event in losses.Tensors("batch_generator_loss")] == [1, 2]
    assert not (folder / "metrics").exists()


def test_tensorboard_has_the_config_as_text_and_as_hyperparameters_beside_the_final_fid(finished):
    report.write(finished.run)
    events = load(finished.run.tensorboard / "replicate_0" / "rounds" / "main")
    text = tf.make_ndarray(events.Tensors("config")[0].tensor_proto).item().decode()
    assert "| --width | `4` |" in text and "| --loss | `hinge` |" in text
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    read = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams
    assert read["width"].number_value == 4 and read["branch"].string_value == "main"
    assert read["jit_compile"].bool_value is False and "network.generator" not in read
    content = events.SummaryMetadata("_hparams_/experiment").plugin_data.content
    (metric,) = plugin_data_pb2.HParamsPluginData.FromString(content).experiment.metric_infos
    assert metric.name.tag == "scores/fid" and "scores/fid" in events.Tags()["tensors"]


def test_the_page_shows_what_was_used_and_marks_what_was_asked(finished):
    report.write(finished.run)
    page = finished.run.report.get().decode()
    assert "<td>--steps</td><td>2</td><td>asked</td>" in page
    assert "<td>--loss</td><td>hinge</td><td></td>" in page
    assert "<td>--decay_from</td><td>1.0</td><td></td>" in page
    assert f"tensorflow {tf.__version__}" in page


def test_scores_of_two_protocols_are_in_no_report_and_in_no_run(finished, tiny_options, tmp_path):
    run = RunFolder(shutil.copytree(finished.run.path, tmp_path / "mixed"))
    scores = run.replicate(0).round(1).scores
    other = {**scores.get()["generator"], "protocol": "paper/00000000/00000000"}
    scores.put({"generator": other})
    page = run.report.get()
    with pytest.raises(
        EvaluationError,
        match="scores of different protocols cannot be compared: digits.*, paper/00000000/00000000",
    ):
        report.write(run)
    assert run.report.get() == page
    again = set_up(tiny_options, run.path)
    with pytest.raises(
        RunFolderError, match="was scored under paper/00000000/00000000, which is now digits"
    ):
        jobs.run(again.method, again.bench, again.run)
