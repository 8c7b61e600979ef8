"""The parts of a run's report, as HTML."""

import html
import math

from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.paths import Path
from tf_gan_lth.experiment.replicate_folder import TrainingFolder
from tf_gan_lth.findings.columns import columns, with_values
from tf_gan_lth.findings.comparison import cells
from tf_gan_lth.findings.results import Result, by_generator, scored_folders
from tf_gan_lth.findings.verdict import Verdict
from tf_gan_lth.report import chart, layers, losses, origin, score_curves, score_figures
from tf_gan_lth.report.judged import Judged, prefix_of, titled
from tf_gan_lth.report.markup import Markup, in_words, link, picture, table

MOST_BYTES = 8_000_000  # of the samples over rounds; what is beyond is linked to


def of_run(judged: Judged, page: Path, prefix: str = "") -> list[str]:
    """All that a page says of a run; `prefix` tells the ids of a run from those of another."""
    body = [f'<p class="under">{link(judged.run.path, page, judged.name)}</p>']
    for name, verdict in judged.verdicts.items():
        body.append(f'<p class="verdict">{html.escape(titled(name, verdict.sentence))}</p>')
        body += [*_worth(verdict), *score_figures.of_generator(judged, name, prefix)]
    body += _samples(judged, page)
    for name, verdict in judged.verdicts.items():
        heading = titled(name, "against the dense GAN")
        body += [f"<h2>{html.escape(heading)}</h2>", table(*cells(verdict.comparisons))]
        body.append(f'<p class="note">{_tests_note(verdict, judged.config.lottery.margin)}</p>')
    body += ["<h2>Results</h2>", _results_table(judged, page)]
    body += _score_curves(judged, page)
    body += _losses(judged, page)
    for name in judged.verdicts:
        body += layers.of_generator(judged, name)
    return [*body, "<h2>Options</h2>", _config_table(judged), *origin.of_run(judged)]


def _worth(verdict: Verdict) -> list[str]:
    """What the best ticket saves, in large figures."""
    worth = verdict.worth
    if worth is None:
        return []
    left, whole = worth.bytes
    items = [
        (f"{worth.sparsity:.1%}", "of what is prunable is pruned"),
        (f"{worth.parameters_saved:.1%}", f"of all {worth.parameters:,} parameters"),
    ]
    if worth.macs:
        items.append((f"{worth.macs_saved:.1%}", f"of {worth.macs:,} MACs an image"))
    items.append((left, f"of {whole} remain, as float32"))
    listed = "".join(f"<li><b>{value}</b><span>{name}</span></li>" for value, name in items)
    return [f'<ul class="worth">{listed}</ul>']


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
        f"One-sided {plan.tests}, {levels}. Matching: a ticket that is worse by"
        f" {margin:.0%} or more would hardly score so well. Worse: a ticket that is no worse would"
        " hardly score so badly. Matching alone: so by its own test, but not every denser ticket is"
        " within the margin, and the verdict takes tickets in order. Ratio: of the mean FIDs, to"
        " the dense one, with the interval that these tests do not reject (90 % with one look). vs"
        " ticket: a control that is no worse than the ticket of its round would hardly score so"
        " badly. In brackets: how many replicates would decide if means and deviations stay as"
        " they are."
    )


def _samples(judged: Judged, page: Path) -> list[str]:
    """Samples of the rounds, and of the sparsest round that has controls, of one replicate."""
    rounds = [folder for folder in judged.first.rounds() if folder.scores.exists()]
    note = "The same latents everywhere."
    if len(judged.verdicts) > 1:
        note = (
            "Rows of a test image of domain a, its translation and that translated back, then the"
            " same of domain b."
        )
    body = [
        "<h2>Samples over rounds</h2>",
        f'<p class="note">{note} Replicate {judged.first.number}; a click opens the file.</p>',
    ]
    pictures = _fitting(rounds)
    shown = [
        _picture(judged, folder, "dense GAN" if not folder.round_number else "ticket", page)
        for folder in pictures
    ]
    body.append(f'<div class="strip" tabindex="0">{"".join(shown)}</div>')
    left = [folder for folder in rounds if folder not in pictures]
    if left:
        links = (link(f.samples.path, page, f"round {f.round_number}") for f in left)
        body.append(f'<p class="note">Not in the page, for its size: {", ".join(links)}.</p>')

    controls = {
        folder: [branch for branch in folder.branches() if branch.scores.exists()]
        for folder in rounds
    }
    sparsest = next((folder for folder in reversed(rounds) if controls[folder]), None)
    if sparsest is not None:
        ticket = _picture(judged, sparsest, "ticket", page)
        others = (
            _picture(judged, branch, branch.branch_name.replace("_", " "), page)
            for branch in controls[sparsest]
        )
        body += [
            f"<h2>Ticket and controls of round {sparsest.round_number}</h2>",
            f'<div class="grids">{ticket}{"".join(others)}</div>',
        ]
    return body


def _fitting(rounds: list[TrainingFolder]) -> list[TrainingFolder]:
    """As many rounds, evenly spaced and with both ends, as have room in the page."""
    sizes = sum(len(folder.samples.get()) for folder in rounds)
    if sizes <= MOST_BYTES or len(rounds) < 3:
        return rounds
    count = max(2, math.floor(len(rounds) * MOST_BYTES / sizes))
    chosen = {round(n * (len(rounds) - 1) / (count - 1)) for n in range(count)}
    return [rounds[n] for n in sorted(chosen)]


def _picture(judged: Judged, folder: TrainingFolder, name: str, page: Path) -> str:
    """A grid of samples with its caption."""
    sparsity = folder.sparsity.get()
    scores = by_generator(folder.scores.get())
    remaining = " and ".join(
        dict.fromkeys(f"{1 - sparsity[generator]['sparsity']:.1%}" for generator in scores)
    )
    fids = ", ".join(
        f"{prefix_of(generator)}FID {record['fid']:.2f}{' at its end' if 'best' in record else ''}"
        for generator, record in scores.items()
    )
    marks = [
        f"{prefix_of(generator)}sparsest {'matching' if v.matching else 'within the margin'}"
        for generator, v in judged.verdicts.items()
        if folder.branch_name == "main" and folder.round_number == v.best
    ]
    title = f"Round {folder.round_number}, {name}"
    details = f"{remaining} remain, {fids}"
    mark = f" <b>{html.escape(', '.join(marks))}</b>" if marks else ""
    opened = link(folder.samples.path, page, title)
    caption = Markup(f"{opened}{mark}<br>{html.escape(details)}")
    return picture(folder.samples.get(), f"Samples: {title}, {details}", caption)


def _losses(judged: Judged, page: Path) -> list[str]:
    """The losses of each training, by replicate."""
    found = {folder: losses.read(folder) for folder in scored_folders(judged.run)}
    return _by_replicate(judged, page, "Losses", found)


def _score_curves(judged: Judged, page: Path) -> list[str]:
    """FID along each training, by replicate; nothing of a run that was scored at the ends alone."""
    found = {folder: score_curves.read(folder) for folder in scored_folders(judged.run)}
    return _by_replicate(judged, page, "FID", {f: c for f, c in found.items() if c})


def _by_replicate(
    judged: Judged, page: Path, what: str, found: dict[TrainingFolder, losses.Curves]
) -> list[str]:
    """Small charts of trainings, on one axis; nothing if no training has curves."""
    scale = losses.common_scale(list(found.values()))
    if scale is None:
        return []
    names = losses.names(list(found.values()))
    key = chart.legend([(name, index % 8, "-") for index, name in enumerate(names)])
    body = [f"<h2>{what} of each training</h2>", key]
    for replicate in judged.run.replicates():
        charts = [
            f"<figure><figcaption>{link(folder.path, page, _training_name(folder))}</figcaption>"
            f"{losses.draw(curves, scale, folder.title, what)}</figure>"
            for folder, curves in found.items()
            if folder.replicate == replicate.number and curves
        ]
        is_open = " open" if replicate.number == judged.first.number else ""
        if charts:
            body.append(
                f"<details{is_open}><summary>replicate {replicate.number}</summary>"
                f'<div class="losses-grid">{"".join(charts)}</div></details>'
            )
    return body


def _training_name(folder: TrainingFolder) -> str:
    branch = "" if folder.branch_name == "main" else f", {folder.branch_name.replace('_', ' ')}"
    return f"round {folder.round_number}{branch}"


def _results_table(judged: Judged, page: Path) -> str:
    """Every result, with links to the files that it is made of."""
    results = judged.results
    shown = with_values([column for column in columns(results) if column.in_page], results)
    rows = []
    for result in results:
        folder = judged.run.replicate(result.replicate).round(result.round)
        if result.branch != "main":
            folder = folder.branch(result.branch)
        rows.append([*(column.text(result) for column in shown), _files(folder, result, page)])
    # A score that a run was made before is a dash, not absent.
    return table([*(column.title for column in shown), "files"], rows, whole=True)


def _files(folder: TrainingFolder, result: Result, page: Path) -> Markup:
    links = [
        link(folder.path, page, "folder"),
        link(folder.scores.path, page, "scores"),
        link(folder.samples.path, page, "samples"),
    ]
    exported = folder.saved_model(result.generator)
    if exported.exists():
        links.append(link(exported, page, "model"))
    return Markup(" · ".join(links))


def _config_table(judged: Judged) -> str:
    """Every option as it was used, with a mark on those that were asked for."""
    config = judged.config
    record = judged.run.config.get()
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
        rows.append([configs.as_flag(name), in_words(value), given])
    shown = table([f"option (run {config.digest})", "value", ""], rows, "sorts plain")
    return f"<details><summary>{len(rows)} options</summary>{shown}</details>"
