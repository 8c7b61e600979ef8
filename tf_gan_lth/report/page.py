"""`report.html`: one self-contained file."""

import base64
import html

from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.run_folder import Place, RunFolder
from tf_gan_lth.lottery.comparison import Comparison, in_words
from tf_gan_lth.lottery.results import Result, formatted
from tf_gan_lth.lottery.verdict import Verdict, judge_run
from tf_gan_lth.report import figures

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
.verdict { font-size: 1.1rem; border-left: 4px solid #1f5fa8; padding: .6rem 1rem; background: #f3f6fa; }
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
    """Writes the report of a run that has at least its dense GAN."""
    results, verdict = judge_run(run)
    config = run.read_config()
    body = [
        f"<h1>Lottery tickets of {html.escape(config.networks.gan)} on {html.escape(config.data.dataset)}</h1>",
        f'<p class="verdict">{html.escape(_capital(verdict.sentence))}</p>',
        "<h2>FID against remaining weights</h2>",
        figures.fid_by_remaining(results, verdict),
        f'<p class="note">{html.escape(_protocol(run))}</p>',
        "<h2>Against the dense GAN</h2>",
        _comparison_table(verdict.comparisons),
        f'<p class="note">One-sided Welch tests over replicates, each at 5 %. Matching: a ticket that is worse by '
        f"{config.lottery.margin:.0%} or more would hardly score so well. Worse: a ticket that is no worse would hardly score so "
        "badly. In brackets: how many more replicates would decide if means and deviations stay as they are.</p>",
        "<h2>Samples</h2>",
        '<p class="note">The same latents everywhere. Networks and controls of replicate 0.</p>',
        f'<div class="grids">{"".join(_grids(run, verdict))}</div>',
        "<h2>Remaining weights of each layer of the generator, in %</h2>",
        figures.remaining_by_layer(_layers(run)),
        "<h2>Results</h2>",
        f'<div class="wide">{_results_table(results)}</div>',
        "<h2>Config</h2>",
        _config_table(config),
    ]
    page = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Lottery ticket</title><style>{STYLE}</style>'
    run.report.put((page + "\n".join(body) + "</html>\n").encode())


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _protocol(run: RunFolder) -> str:
    replicate = run.replicate(0)
    scores = replicate.round(0).scores.get()
    details = scores["protocol_details"]
    untrained = replicate.untrained_scores.get()["fid"]
    return (
        f"Protocol {details['name']}: {details['generated_images']:,} images of the generator's "
        f"{'averaged' if details['ema'] else 'live'} parameters against {details['reference_images']:,} real images "
        f"({details['reference']}, digest {details['reference_digest']}), features of {details['feature_network']} "
        f"(digest {details['feature_network_digest']}). The untrained generator scores {untrained:.1f}."
    )


def _grids(run: RunFolder, verdict: Verdict) -> list[str]:
    """Dense, the sparsest matching ticket, and the sparsest round that has controls, with them."""
    replicate = run.replicate(0)
    rounds = [place for place in replicate.rounds() if place.scores.exists()]
    shown = [(rounds[0], "dense")]
    if verdict.best is not None:
        name = "sparsest matching ticket" if verdict.matching is not None else "sparsest ticket within the margin"
        shown.append((replicate.round(verdict.best), name))
    controls = {place: [branch for branch in place.branches() if branch.scores.exists()] for place in rounds}
    sparsest = next((place for place in reversed(rounds) if controls[place]), None)
    if sparsest is not None:
        if sparsest.round_number != verdict.best:
            shown.append((sparsest, "ticket"))
        shown.extend((branch, branch.branch_name.replace("_", " ")) for branch in controls[sparsest])
    return [_picture(place, name) for place, name in shown]


def _picture(place: Place, name: str) -> str:
    remaining = 1 - place.sparsity.get()["generator"]["sparsity"]
    caption = f"{name}, round {place.round_number}: {remaining:.1%} remain, FID {place.scores.get()['fid']:.2f}"
    source = "data:image/png;base64," + base64.b64encode(place.samples.get()).decode()
    return f'<figure><figcaption>{html.escape(caption)}</figcaption><img alt="" src="{source}"></figure>'


def _layers(run: RunFolder) -> dict[int, dict]:
    rounds = run.replicate(0).rounds()
    return {place.round_number: place.sparsity.get()["generator"]["layers"] for place in rounds if place.scores.exists()}


def _results_table(results: list[Result]) -> str:
    scores = ["FID", "KID", "IS", "precision", "recall", "density", "coverage"]
    head = ["replicate", "round", "branch", "remaining", "parameters left", *scores, "train s", "eval s"]
    rows = [
        [
            r.replicate,
            r.round,
            r.branch,
            f"{1 - r.generator_sparsity:.2%}",
            f"{r.generator_params_left:,}",
            f"{r.fid:.3f}",
            formatted(r.kid, ".4f"),
            formatted(r.inception_score, ".2f"),
            *(formatted(value, ".2f") for value in (r.precision, r.recall, r.density, r.coverage)),
            formatted(r.train_seconds, ".0f"),
            f"{r.eval_seconds:.1f}",
        ]
        for r in results
    ]
    return _table(head, rows)


def _comparison_table(comparisons: dict[tuple[int, str], Comparison]) -> str:
    head = ["round", "replicates", "branch", "mean FID", "sd", "p (worse)", "p (matching)", "verdict"]
    rows = [
        [number, c.replicates, branch, f"{c.fid_mean:.3f}", formatted(c.fid_standard_deviation, ".3f")]
        + [formatted(c.p_worse, ".3f"), formatted(c.p_matching, ".3f"), in_words(c)]
        for (number, branch), c in comparisons.items()
    ]
    return _table(head, rows)


def _config_table(config: configs.Config) -> str:
    rows = [[f"--{name}" if field.metadata["flag"] else name, value] for name, (field, value) in configs.walk(config).items()]
    return _table(["option", f"value (run {config.digest})"], rows, "config")


def _table(head: list[str], rows: list[list[object]], style: str = "") -> str:
    def line(cells: list[object], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(str(cell))}</{tag}>" for cell in cells) + "</tr>"

    return f'<table class="{style}">' + line(head, "th") + "".join(line(row, "td") for row in rows) + "</table>"
