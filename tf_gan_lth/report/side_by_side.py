"""`comparison.html`: compressions of one dense GAN side by side, in one self-contained file."""

import html
import statistics

from tf_gan_lth.experiment import amounts
from tf_gan_lth.experiment.paths import Path
from tf_gan_lth.findings import pairs
from tf_gan_lth.findings.columns import Column, formatted
from tf_gan_lth.findings.comparison import in_words, p_value
from tf_gan_lth.findings.results import BYTES, by_generator
from tf_gan_lth.findings.side_by_side import DENSE, Entry, SideBySide
from tf_gan_lth.report import contenders
from tf_gan_lth.report.judged import prefix_of, titled
from tf_gan_lth.report.markup import Amount, Markup, link, picture, table
from tf_gan_lth.report.page import document
from tf_gan_lth.report.sections import MOST_BYTES


def page(found: SideBySide, path: Path) -> bytes:
    """The page of a comparison.

    Args:
      found: what is compared.
      path: where the page will be, for its links.
    """
    config = found.configs[0]
    title = f"Compressors of {config.networks.gan} on {config.data.dataset}"
    links = " · ".join(link(run.path, path, run.path.absolute().name) for run in found.runs)
    body = [f"<h1>{html.escape(title)}</h1>", f'<p class="under">{links}</p>']
    body += [f'<p class="note">{html.escape(note)}</p>' for note in found.notes]
    for generator in found.generators:
        for score in found.scores:
            heading = titled(generator, f"{score.title} against cost")
            body.append(f"<h2>{html.escape(heading)}</h2>")
            body.append(contenders.figure(found, generator, score))
        body.append(f'<p class="note">{html.escape(_protocol(found, generator))}</p>')
    for generator in found.generators:
        body += _budgets(found, generator)
    body.append(f'<p class="note">{_tests_note(found)}</p>')
    body += _samples(found, path)
    body += ["<h2>Training cost</h2>", _training_costs(found)]
    body.append(f'<p class="note">{_costs_note()}</p>')
    return document(f"{title} · {len(found.runs)} runs", body)


def sentences(found: SideBySide) -> list[str]:
    """Who is better than whom by FID, for each generator and budget."""
    return [
        titled(generator, f"at {_share(budget)} of the MACs, {_said(found, generator, budget)}")
        for generator in found.generators
        for budget in found.budgets
    ]


def _said(found: SideBySide, generator: str, budget: float, score: str = "fid") -> str:
    return pairs.in_words(found.tests(generator, budget, score)) + "."


def _share(budget: float) -> str:
    return f"{100 * budget:.3g} %"


def _budgets(found: SideBySide, generator: str) -> list[str]:
    """What each budget gives: a table of its methods, the best mean first, and who is better."""
    body = []
    for budget in found.budgets:
        heading = titled(generator, f"at {_share(budget)} of the MACs")
        body.append(f"<h2>{html.escape(heading)}</h2>")
        first, *others = found.scores
        said = f"{first.title}: {_said(found, generator, budget)}"
        body.append(f'<p class="verdict">{html.escape(said)}</p>')
        body.append(_contest(found, generator, budget, first))
        for score in others:
            said = f"By {score.title}: {_said(found, generator, budget, score.name)}"
            body.append(
                f"<details><summary>{html.escape(said)}</summary>"
                f"{_contest(found, generator, budget, score)}</details>"
            )
    return body


def _contest(found: SideBySide, generator: str, budget: float, score: Column) -> str:
    """The methods of a budget and the dense GAN, with the tests of each pair."""
    entries = [entry for entry in found.at(generator, budget) if entry.scores(score.name)]
    entries.sort(key=lambda entry: statistics.fmean(entry.scores(score.name)))
    tests = {(t.better, t.worse): t.p for t in found.tests(generator, budget, score.name)}
    dense = next(entry for entry in found.of(generator) if entry.method == DENSE)
    head = ["method", "MACs", "share", "bytes", score.title, "s.d.", "against the dense GAN"]
    head += [f"p (beats {entry.method})" for entry in entries]
    rows = []
    for entry in [dense, *entries]:
        values = entry.scores(score.name)
        deviation = statistics.stdev(values) if len(values) > 1 else None
        mean = statistics.fmean(values) if values else None
        compared = entry.against_dense if score.name == "fid" else None
        rows.append(
            [
                entry.method,
                formatted(entry.mean(lambda result: result.macs_left), ",.0f"),
                formatted(entry.macs_share, ".1%"),
                formatted(BYTES * entry.mean(lambda result: result.generator_params_left), ",.0f"),
                formatted(mean, score.form),
                formatted(deviation, score.form),
                in_words(compared) if compared else "-",
                *(p_value(tests.get((entry.method, other.method))) for other in entries),
            ]
        )
    return table(head, rows)


def _samples(found: SideBySide, path: Path) -> list[str]:
    """Samples of the dense GAN and of each method at a budget, from the same draws."""
    entries = found.of(found.generators[0])
    dense = next(entry for entry in entries if entry.method == DENSE)
    body, room = [], MOST_BYTES
    for budget in found.budgets:
        shown, linked = [], []
        for entry in [dense, *(e for e in entries if e.budget == budget)]:
            size = len(entry.folder.samples.get())
            if size <= room:
                shown.append(_picture(entry, path))
                room -= size
            else:
                linked.append(link(entry.folder.samples.path, path, entry.method))
        body.append(f"<h2>Samples at {_share(budget)} of the MACs</h2>")
        body.append(f'<div class="grids">{"".join(shown)}</div>')
        if linked:
            body.append(f'<p class="note">Not in the page, for its size: {", ".join(linked)}.</p>')
    if body:
        note = f"Of replicate {dense.folder.replicate}, from the same latents or pictures."
        body.append(f'<p class="note">{note} A click on a name opens the file.</p>')
    return body


def _picture(entry: Entry, path: Path) -> str:
    fids = ", ".join(
        f"{prefix_of(generator)}FID {record.get('best', record)['fid']:.2f}"
        for generator, record in by_generator(entry.folder.scores.get()).items()
    )
    share = "" if entry.macs_share is None else f"{entry.macs_share:.1%} of the MACs, "
    opened = link(entry.folder.samples.path, path, entry.method)
    caption = Markup(f"{opened}<br>{html.escape(share + fids)}")
    return picture(entry.folder.samples.get(), f"Samples: {entry.method}, {share}{fids}", caption)


def _training_costs(found: SideBySide) -> str:
    """A row for each training, in means over replicates."""
    head = ["method", "budget", "MACs left", "steps", "of these before", "seconds", "MACs"]
    rows = []
    for entry in found.of(found.generators[0]):
        phases = entry.results[0].phases
        macs = entry.mean(lambda result: result.train_macs)
        rows.append(
            [
                entry.method,
                "-" if entry.budget is None else _share(entry.budget),
                formatted(entry.macs_share, ".1%"),
                formatted(entry.mean(lambda result: result.steps), ",.0f"),
                ", ".join(f"{name} {steps:,}" for name, steps in phases.items()),
                formatted(entry.mean(lambda result: result.train_seconds), ",.0f"),
                "-" if macs is None else Amount(amounts.count(macs), macs),
            ]
        )
    return table(head, rows)


def _costs_note() -> str:
    return (
        "Generator steps, seconds and multiply-accumulates of the passes of all networks, in means"
        " over replicates. What a method trains before, once for all budgets, counts for each of"
        " them; the dense GAN's own training, for none. Seconds are those of the machines that the"
        " runs were made on."
    )


def _tests_note(found: SideBySide) -> str:
    plan = found.plan
    looks = f" over {plan.looks} looks" if plan.looks > 1 else ""
    return (
        f"p: one-sided {plan.tests}, each at 5 %{looks}, as those of the verdict: a"
        " method that is no better than the other would hardly have so much lower scores. Among"
        " many pairs some will be found by chance: a star marks what is found after Holm's"
        " correction for all tests of a budget too. Against the dense GAN: the verdict of the run"
        " itself, with its margin. Share: of the dense generator's MACs, as counted; a budget is"
        " the most that may be left."
    )


def _protocol(found: SideBySide, generator: str) -> str:
    dense = next(entry for entry in found.of(generator) if entry.method == DENSE)
    return (
        f"Protocol {dense.results[0].protocol}. A point lies where its MACs were counted, not"
        " where its budget is. Bytes are those of the parameters that remain, as float32;"
        " milliseconds those of exports that were measured, as a share of the dense generator's."
    )
