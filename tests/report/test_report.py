import csv
import dataclasses
import html
import html.parser
import io
import re
import shutil
import urllib.parse

import pytest
import tensorflow as tf
from helpers import set_up
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from tf_gan_lth import findings, report
from tf_gan_lth.experiment import amounts
from tf_gan_lth.experiment.errors import EvaluationError, RunFolderError, UsageError
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.methods import jobs
from tf_gan_lth.report import figures, judged, page


class Parser(html.parser.HTMLParser):
    """Collects the tags of a page, with their attributes."""

    def __init__(self, page):
        super().__init__()
        self.tags = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def test_the_page_is_self_contained_and_shows_what_was_found(finished):
    report.write(finished.run)
    text = finished.run.report.get().decode()
    tags = Parser(text)
    assert "http" not in text and "@import" not in text and not tags.all("link")
    assert all(image["src"].startswith("data:image/png;base64,") for image in tags.all("img"))
    assert all("src" not in script for script in tags.all("script"))
    verdict = findings.judge_run(finished.run)[1]["generator"]
    assert verdict.sentence[1:] in html.unescape(text)
    rounds = list(finished.run.replicate(0).rounds())
    assert len(tags.all("img")) >= len(rounds) + 2
    for word in (
        "random mask",
        "random init",
        "block_1/conv_1",
        "Before training, it scores",
        "--learning_rate",
        "digits",
    ):
        assert word in text, word


def test_links_are_relative_to_the_page_and_lead_to_files(finished, tmp_path):
    report.write(finished.run)
    moved = RunFolder(shutil.copytree(finished.run.path, tmp_path / "a run: with #, ? and 100%"))
    for run, file in ((finished.run, finished.run.report.path), (moved, tmp_path / "page.html")):
        tags = Parser(page.page([judged.judge(run)], file).decode())
        targets = {link["href"] for link in tags.all("a")}
        assert len(targets) > 10
        for target in targets:
            assert (file.parent / urllib.parse.unquote(target)).exists(), target
        scores = run.replicate(0).round(3).scores.path
        assert any((file.parent / urllib.parse.unquote(t)).samefile(scores) for t in targets)


def test_everything_is_described_for_those_who_do_not_see_it(finished):
    report.write(finished.run)
    tags = Parser(finished.run.report.get().decode())
    assert all("FID" in image["alt"] and "remain" in image["alt"] for image in tags.all("img"))
    charts = [svg for svg in tags.all("svg") if "chart" in svg.get("class", "")]
    assert len(charts) >= 1 + 5 and all(svg["aria-label"] for svg in charts)
    (losses,) = {c["aria-label"][:9] for c in charts if "small" in c["class"]}
    assert losses == "Losses of"


def test_the_title_is_the_runs_own(finished):
    report.write(finished.run)
    title = re.search("<title>(.*?)</title>", finished.run.report.get().decode())[1]
    assert title.startswith("sngan on digits, ") and finished.run.path.name in title


def test_names_are_escaped(finished, tmp_path):
    run = RunFolder(shutil.copytree(finished.run.path, tmp_path / "<script>alert('x')<"))
    text = page.page([judged.judge(run)], tmp_path / "page.html").decode()
    assert text.count("<script>") == 1 and "&lt;script&gt;alert" in text


def test_the_verdict_says_what_the_ticket_is_worth_of_everything(finished):
    report.write(finished.run)
    verdict = findings.judge_run(finished.run)[1]["generator"]
    if verdict.best is None:  # the tiny GAN's scores decide
        assert verdict.worth is None
        return
    network = finished.run.replicate(0).round(verdict.best).sparsity.get()["generator"]
    left, whole = network["parameters_left"], network["parameters"]
    assert f"{1 - left / whole:.1%} of all {whole:,} parameters" in verdict.sentence
    assert f"of {network['macs']:,} MACs an image" in verdict.sentence


def test_several_runs_are_in_one_page_those_of_another_protocol_apart(finished, tmp_path):
    alike = RunFolder(shutil.copytree(finished.run.path, tmp_path / "alike"))
    apart = RunFolder(shutil.copytree(finished.run.path, tmp_path / "apart"))
    for folder in findings.results.scored_folders(apart):
        folder.scores.put({"generator": {**folder.scores.get()["generator"], "protocol": "other"}})
    found = [judged.judge(run) for run in (finished.run, alike, apart)]
    text = page.page(found, tmp_path / "page.html").decode()
    heads = re.findall(r"<h2>FID under (.*?)</h2>", text)
    assert heads == [found[0].protocol("generator"), "other"]
    assert "under different protocols cannot be compared" in text
    identities = re.findall(r' id="(.*?)"', text)
    assert len(identities) == len(set(identities))
    assert {f"run-{number}" for number in range(3)} <= set(identities)


def test_figures_for_a_paper_have_their_data_beside(finished, tmp_path):
    found = [judged.judge(finished.run)]
    written = figures.write(found, tmp_path / "figures")
    name = f"{finished.run.path.name}_generator"
    assert {path.name for path in written} == {
        name + suffix for suffix in (".svg", ".pdf", ".png", ".csv")
    }
    by_suffix = {path.suffix: path.read_bytes() for path in written}
    assert by_suffix[".pdf"].startswith(b"%PDF") and by_suffix[".png"].startswith(b"\x89PNG")
    assert b"<svg" in by_suffix[".svg"] and b"random mask" in by_suffix[".svg"]
    rows = list(csv.DictReader(io.StringIO(by_suffix[".csv"].decode())))
    fids = {r.fid for r in found[0].results}
    assert {float(row["fid"]) for row in rows} == fids
    again = figures.write(found, tmp_path / "again")
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in written]


@pytest.mark.parametrize(
    ("axis", "left", "dense"),
    [("macs", "macs_left", "macs"), ("parameters", "generator_params_left", "generator_params")],
)
def test_figures_are_drawn_against_what_is_asked_for(finished, tmp_path, axis, left, dense):
    found = judged.judge(finished.run)
    written = {p.suffix: p for p in figures.write([found], tmp_path / "figures", axis)}
    rows = csv.DictReader(io.StringIO(written[".csv"].read_text()))
    drawn = {(float(row["fid"]), row[f"{axis}_percent"]) for row in rows if row[f"{axis}_percent"]}
    shares = {r.fid: 100 * getattr(r, left) / getattr(r, dense) for r in found.results}
    assert drawn == {(fid, str(share)) for fid, share in shares.items()} and len(drawn) > 1
    assert "% of the dense generator" in written[".svg"].read_text()


def test_an_axis_that_a_run_knows_nothing_of_draws_nothing(finished, tmp_path):
    found = judged.judge(finished.run)
    results = [dataclasses.replace(result, macs_left=None) for result in found.results]
    with pytest.raises(UsageError, match="does not say how many macs it keeps"):
        figures.write([dataclasses.replace(found, results=results)], tmp_path / "new", "macs")
    assert not (tmp_path / "new").exists()


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
    text = finished.run.report.get().decode().replace(' class="l"', "")
    assert "<td>--steps</td><td>2</td><td>asked</td>" in text
    assert "<td>--loss</td><td>hinge</td><td></td>" in text
    assert "<td>--decay_from</td><td>1.0</td><td></td>" in text


def test_the_page_shows_all_that_the_run_recorded_of_where_it_comes_from(finished, tmp_path):
    run = RunFolder(shutil.copytree(finished.run.path, tmp_path / "made"))
    record = run.config.get()
    record["made_with"] |= {
        "host": "node<7>",
        "devices": ["GPU:0", "GPU:1"],
        "parts": [{"began": "2024-05-01", "command": "find_ticket"}],
        "cuda": None,
    }
    run.config.put({name: value for name, value in record.items() if name != "sha256"})
    text = page.page([judged.judge(run)], run.report.path).decode().replace(' class="l"', "")
    for name, value in (
        ("tensorflow", tf.__version__),
        ("host", "node&lt;7&gt;"),
        ("devices", "GPU:0, GPU:1"),
        ("parts 1 began", "2024-05-01"),
    ):
        assert f"<tr><td>{name}</td><td>{value}</td></tr>" in text
    assert "<td>cuda</td>" not in text


def test_who_continued_a_run_and_when_its_parts_were_done_is_in_the_page(finished, tmp_path):
    run = RunFolder(shutil.copytree(finished.run.path, tmp_path / "continued"))
    record = run.config.get()
    elsewhere = {**record["made_with"], "host": "node9", "numpy": None}
    run.config.put({**record, "continued_with": [elsewhere]})
    times = {"began": "2026-05-01T10:00:00+00:00", "hosts": ["node8", "node9"]}
    run.replicate(0).round(1).times.put(
        {"training": {**times, "ended": "2026-05-01T12:05:07+00:00"}, "scoring": times}
    )
    run.replicate(0).round(2).times.path.unlink()  # of an earlier version
    text = page.page([judged.judge(run)], run.report.path).decode().replace(' class="l"', "")
    made = record["made_with"]
    assert "<th>continued, 1</th>" in text
    assert f"<tr><td>host</td><td>{made['host']}</td><td>node9</td></tr>" in text
    assert f"<tr><td>python</td><td>{made['python']}</td><td>same</td></tr>" in text
    assert f"<tr><td>numpy</td><td>{made['numpy']}</td><td></td></tr>" in text
    dates = "<td>2026-05-01 10:00:00</td><td>2026-05-01 12:05:07</td>"
    dates += '<td data-key="7507">2 h 05 min</td>'
    assert f"{dates}<td>2026-05-01 10:00:00</td><td></td><td></td><td>node8, node9</td>" in text
    count = sum(folder.times.exists() for folder in findings.results.scored_folders(run))
    assert f"dates of {count} trainings" in text


def test_scores_are_drawn_against_macs_parameters_and_bytes_too(finished):
    report.write(finished.run)
    text = finished.run.report.get().decode()
    assert re.findall(r'name="generator-axis" id=".*?" class="(a.)"', text) == [
        "a0",
        "a1",
        "a2",
        "a3",
    ]
    labels = re.findall(r"FID against (.*?)\. Dense GAN", text)
    assert list(dict.fromkeys(labels)) == [
        "what remains, % of what is prunable",
        "MACs of kept weights (dense hardware does all)",
        "parameters that remain",
        "bytes of the parameters that remain, as float32",
    ]
    last = max(r.round for r in findings.read_results(finished.run))
    network = finished.run.replicate(0).round(last).sparsity.get()["generator"]
    assert f"{amounts.count(network['macs_left'])} MACs" in text
    assert f"at {amounts.size(4 * network['parameters_left'])}" in text


def test_a_run_that_counted_no_macs_has_no_axis_of_them(finished, tmp_path):
    run = RunFolder(shutil.copytree(finished.run.path, tmp_path / "older"))
    sparsity = run.replicate(0).round(0).sparsity
    record = {name: dict(network) for name, network in sparsity.get().items()}
    del record["generator"]["macs"], record["generator"]["macs_left"]
    sparsity.put(record)
    text = page.page([judged.judge(run)], run.report.path).decode()
    assert ">MACs</label>" not in text and "There is no axis of MACs" in text
    assert ">parameters</label>" in text


def test_a_run_with_a_budget_of_macs_is_drawn_against_macs_first(finished, tmp_path):
    run = saying(finished, tmp_path / "run", unit="channel", budget="macs")
    text = page.page([judged.judge(run)], run.report.path).decode()
    first, *others = dict.fromkeys(re.findall(r"FID against (.*?)\. Dense GAN", text))
    assert first == "MACs an image, of what is kept"
    assert "what remains, % of what is prunable" in others


def saying(finished, path, **options):
    """A copy of the run whose config says something else."""
    run = RunFolder(shutil.copytree(finished.run.path, path))
    record = run.config.get()
    run.config.put({**record, "options": {**record["options"], **options}})
    return run


def over_channels(finished, path):
    """A copy of the run that says that it pruned channels."""
    run = saying(finished, path, unit="channel")
    for folder in run.replicate(0).rounds():
        bits = {"stem": "1111", "block/<1>": "01" * 40}
        if folder.round_number > 1:
            bits = {"stem": "1001", "block/<1>": "00" + "01" * 39}
        sparsity = folder.sparsity.get()
        sparsity["generator"]["channels"] = bits
        folder.sparsity.put(sparsity)
    return run


def test_which_channels_a_layer_keeps_is_drawn_and_counted(finished, tmp_path):
    run = over_channels(finished, tmp_path / "channels")
    text = page.page([judged.judge(run)], run.report.path).decode()
    rounds = len(list(run.replicate(0).rounds()))
    counts = ["4", "4", *["2"] * (rounds - 2)]
    numbers = ", ".join(map(str, range(rounds)))
    assert f'aria-label="stem: of 4 channels stay {", ".join(counts)} in rounds {numbers}"' in text
    assert f'viewBox="0 0 4 {rounds}"' in text
    path = re.search(r'stem: of 4.*?<path d="(.*?)"', text, re.DOTALL)[1]
    ends = [rounds, 2, 2, rounds]
    assert path == "".join(f"M{n}.05 0h0.9v{end}h-0.9z" for n, end in enumerate(ends))
    assert "block/&lt;1&gt;</b> 40 to 39 of 80" in text
    assert "did not record" not in text
    row = re.search(r'<td class="l">stem</td><td>4</td>(.*?)</tr>', text)[1]
    assert re.findall(">([0-9]+)</td>", row) == counts


def test_tickets_of_weights_and_of_channels_are_in_one_figure_by_macs(finished, tmp_path):
    runs = [finished.run, over_channels(finished, tmp_path / "channels")]
    text = page.page([judged.judge(run) for run in runs], tmp_path / "page.html").decode()
    together = text[: text.index('<section id="run-0"')]
    assert re.findall("<label for=.*?>(.*?)</label>", together) == [
        "MACs",
        "parameters",
        "bytes",
        "what is prunable",
    ]
    assert f"{finished.run.path.name} (single weights)" in together
    assert "channels (channels)" in together and "do not compare" in together


def test_no_two_of_many_runs_look_alike(finished, tmp_path):
    runs = [finished.run]
    for number in range(8):
        runs.append(RunFolder(shutil.copytree(finished.run.path, tmp_path / f"run_{number}")))
    text = page.page([judged.judge(run) for run in runs], tmp_path / "page.html").decode()
    together = text[: text.index('<section id="run-0"')]
    entries = re.findall(r'<li class="(s\d)">(<svg.*?</svg>)', together)[: len(runs)]
    assert len(set(entries)) == len(runs) == 9


def test_scores_of_two_protocols_are_in_no_report_and_in_no_run(finished, tiny_options, tmp_path):
    run = RunFolder(shutil.copytree(finished.run.path, tmp_path / "mixed"))
    scores = run.replicate(0).round(1).scores
    other = {**scores.get()["generator"], "protocol": "paper/00000000/00000000"}
    scores.put({"generator": other})
    before = run.report.get()
    with pytest.raises(
        EvaluationError,
        match="scores of different protocols cannot be compared: digits.*, paper/00000000/00000000",
    ):
        report.write(run)
    assert run.report.get() == before
    again = set_up(tiny_options, run.path)
    with pytest.raises(
        RunFolderError, match="was scored under paper/00000000/00000000, which is now digits"
    ):
        jobs.run(again.method, again.bench, again.run)
