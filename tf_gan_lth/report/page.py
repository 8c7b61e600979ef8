"""`report.html`: one self-contained file with verdict, figures, samples, results and config."""

import base64
import html

from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment import provenance
from tf_gan_lth.experiment.run_folder import RunFolder, TrainingFolder, generator_label
from tf_gan_lth.findings.columns import columns, with_values
from tf_gan_lth.findings.comparison import cells
from tf_gan_lth.findings.results import Result, by_generator
from tf_gan_lth.findings.verdict import Verdict, judge_run
from tf_gan_lth.report import figures

STYLE = """
body {
  font: 15px/1.5 system-ui, sans-serif; color: #1a1a1a;
  max-width: 62rem; margin: 2rem auto; padding: 0 1rem;
}
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
.verdict {
  font-size: 1.1rem; border-left: 4px solid #1f5fa8;
  padding: .6rem 1rem; background: #f3f6fa;
}
.grids { display: flex; flex-wrap: wrap; gap: 1.2rem; } figure { margin: 0; width: 14rem; }
figcaption { font-size: .9rem; margin-bottom: .3rem; }
img { image-rendering: pixelated; width: 100%; } svg { max-width: 100%; height: auto; }
table { border-collapse: collapse; font-size: .84rem; }
.wide { overflow-x: auto; }
th, td { padding: .2rem .35rem; text-align: right; border-bottom: 1px solid #ddd; }
th:nth-child(3), td:nth-child(3), .config td, .config th { text-align: left; }
.note { color: #555; font-size: .9rem; }
"""


def write(run: RunFolder) -> None:
    """Writes the report of a run in which at least the dense GAN is scored."""
    results, verdicts = judge_run(run)
    config = run.read_config()
    body = [
        (
            f"<h1>Lottery tickets of {html.escape(config.networks.gan)} on"
            f" {html.escape(config.data.dataset)}</h1>"
        ),
        *(
            f'<p class="verdict">{html.escape(_title(name, verdict.sentence))}</p>'
            for name, verdict in verdicts.items()
        ),
        *(
            part
            for name, verdict in verdicts.items()
            for part in _scores(run, name, verdict, results, config.lottery.margin)
        ),
        "<h2>Samples</h2>",
        f'<p class="note">{_sampling_note(verdicts)}</p>',
        f'<div class="grids">{"".join(_grids(run, next(iter(verdicts.values()))))}</div>',
        *(part for name in verdicts for part in _layers(run, name)),
        "<h2>Results</h2>",
        f'<div class="wide">{_results_table(results)}</div>',
        "<h2>Config</h2>",
        _config_table(run),
    ]
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Lottery'
        f" ticket</title><style>{STYLE}</style>"
    )
    run.report.put((page + "\n".join(body) + "</html>\n").encode())


def _title(generator: str, text: str) -> str:
    return f"{_prefix(generator)}{text[:1].upper()}{text[1:]}"


def _prefix(generator: str) -> str:
    direction = generator_label(generator)
    return f"{direction}: " if direction else ""


def _scores(
    run: RunFolder, generator: str, verdict: Verdict, results: list[Result], margin: float
) -> list[str]:
    """HTML on how the rounds and branches of a generator compare with the dense GAN."""
    return [
        f"<h2>{_title(generator, 'FID against remaining weights')}</h2>",
        figures.fid_by_remaining(
            [result for result in results if result.generator == generator], verdict
        ),
        f'<p class="note">{html.escape(_protocol(run, generator))}</p>',
        f"<h2>{_title(generator, 'against the dense GAN')}</h2>",
        _table(*cells(verdict.comparisons)),
        f'<p class="note">{_tests_note(verdict, margin)}</p>',
    ]


def _tests_note(verdict: Verdict, margin: float) -> str:
    """What the columns of the comparison mean."""
    plan = verdict.plan
    levels = "each at 5 %"
    if plan.looks > 1:
        shared = ", ".join(
            f"{100 * level:.2g} % with {size} replicates"
            for size, level in zip(plan.sizes, plan.levels, strict=True)
        )
        levels = f"each at 5 % over {plan.looks} looks ({shared})"
    return (
        f"One-sided Welch tests over replicates, {levels}. Matching: a ticket that is worse by"
        f" {margin:.0%} or more would hardly score so well. Worse: a ticket that is no worse would"
        " hardly score so badly. Matching alone: so by its own test, but not every denser ticket is"
        " within the margin, and the verdict takes tickets in order. Ratio: of the mean FIDs, to"
        " the dense one, with the interval that these tests do not reject (90 % with one look). vs"
        " ticket: a control that is no worse than the ticket of its round would hardly score so"
        " badly. In brackets: how many replicates would decide if means and deviations stay as"
        " they are."
    )


def _protocol(run: RunFolder, generator: str) -> str:
    """How the scores were computed, and the score before training, in words."""
    replicate = run.replicate(0)
    scores = by_generator(replicate.round(0).scores.get())[generator]
    details = scores["protocol_details"]
    untrained = by_generator(replicate.untrained_scores.get())[generator]["fid"]
    parameters = "averaged" if details["ema"] else "live"
    return (
        f"Protocol {details['name']}: {details['generated_images']:,} images of the generator's"
        f" {parameters} parameters against {details['reference_images']:,} real images"
        f" ({details['reference']}, digest {details['reference_digest']}), features of"
        f" {details['feature_network']} (digest {details['feature_network_digest']}). Before"
        f" training, it scores {untrained:.1f}."
    )


def _sampling_note(verdicts: dict[str, Verdict]) -> str:
    if len(verdicts) == 1:
        return "The same latents everywhere. Networks and controls of replicate 0."
    return (
        "Rows of a test image of domain a, its translation and that translated back, then the same"
        " of domain b. Networks and controls of replicate 0."
    )


def _grids(run: RunFolder, verdict: Verdict) -> list[str]:
    """Samples: dense, the sparsest matching ticket, and the sparsest round with its controls."""
    # The dense GAN and the ticket of the verdict.
    replicate = run.replicate(0)
    rounds = [folder for folder in replicate.rounds() if folder.scores.exists()]
    shown = [(rounds[0], "dense")]
    if verdict.best is not None:
        name = "sparsest ticket within the margin"
        if verdict.matching is not None:
            name = "sparsest matching ticket"
        shown.append((replicate.round(verdict.best), _prefix(verdict.generator) + name))

    # The sparsest round that has controls, and these.
    controls = {
        folder: [branch for branch in folder.branches() if branch.scores.exists()]
        for folder in rounds
    }
    sparsest = next((folder for folder in reversed(rounds) if controls[folder]), None)
    if sparsest is not None:
        if sparsest.round_number != verdict.best:
            shown.append((sparsest, "ticket"))
        shown.extend(
            (branch, branch.branch_name.replace("_", " ")) for branch in controls[sparsest]
        )
    return [_picture(folder, name) for folder, name in shown]


def _picture(folder: TrainingFolder, name: str) -> str:
    """A grid of samples with its caption, as HTML."""
    sparsity = folder.sparsity.get()
    scores = by_generator(folder.scores.get())
    remaining = " and ".join(
        dict.fromkeys(f"{1 - sparsity[generator]['sparsity']:.1%}" for generator in scores)
    )
    fids = ", ".join(
        f"{_prefix(generator)}FID {record['fid']:.2f}" for generator, record in scores.items()
    )
    caption = f"{name}, round {folder.round_number}: {remaining} remain, {fids}"
    source = "data:image/png;base64," + base64.b64encode(folder.samples.get()).decode()
    return (
        f'<figure><figcaption>{html.escape(caption)}</figcaption><img alt=""'
        f' src="{source}"></figure>'
    )


def _layers(run: RunFolder, generator: str) -> list[str]:
    rounds = [folder for folder in run.replicate(0).rounds() if folder.scores.exists()]
    layers = {folder.round_number: folder.sparsity.get()[generator]["layers"] for folder in rounds}
    name = generator.replace("_", " ")
    return [
        f"<h2>Remaining weights of each layer of the {name}, in %</h2>",
        figures.remaining_by_layer(layers),
    ]


def _results_table(results: list[Result]) -> str:
    shown = with_values([column for column in columns(results) if column.in_page], results)
    rows = [[column.text(result) for column in shown] for result in results]
    return _table([column.title for column in shown], rows)


def _config_table(run: RunFolder) -> str:
    """Every option as it was used, with a mark on those that were asked for."""
    config = run.read_config()
    record = run.config.get()
    asked = configs.to_options(config)
    usual = configs.to_options(configs.Config())
    used = record.get("used", {})
    flags = {name for name, (field, _) in configs.walk(config).items() if field.metadata["flag"]}
    rows = []
    for name in {**asked, **used}:
        value = used.get(name, asked.get(name))
        if value is None and name in usual and name not in flags:
            continue  # what a program sets, and did not
        given = "asked" if asked.get(name) != usual.get(name) else ""
        rows.append([configs.as_flag(name), _in_words(value), given])
    made = provenance.in_words(record.get(provenance.MADE, {}))
    table = _table([f"option (run {config.digest})", "value", ""], rows, "config")
    return table + (f'<p class="note">Made with {html.escape(made)}.</p>' if made else "")


def _in_words(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "-" if value is None else str(value)


def _table(head: list[str], rows: list[list[object]], style: str = "") -> str:
    def line(cells: list[object], tag: str) -> str:
        return (
            "<tr>" + "".join(f"<{tag}>{html.escape(str(cell))}</{tag}>" for cell in cells) + "</tr>"
        )

    return (
        f'<table class="{style}">'
        + line(head, "th")
        + "".join(line(row, "td") for row in rows)
        + "</table>"
    )
