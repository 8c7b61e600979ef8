"""`report.html`: one self-contained file of one or more runs."""

import html
from collections.abc import Sequence

from tf_gan_lth.experiment.paths import Path
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.report import score_figures, sections
from tf_gan_lth.report.assets import SCRIPT, STYLE
from tf_gan_lth.report.judged import Judged, judge, titled


def write(run: RunFolder) -> None:
    """Writes the report of a run in which at least the dense GAN is scored."""
    run.report.put(page([judge(run)], run.report.path))


def page(found: Sequence[Judged], path: Path) -> bytes:
    """The page of one or more runs.

    Args:
      found: the runs.
      path: where the page will be, for its links.
    """
    if len(found) == 1:
        title, body = _title(found[0]), sections.of_run(found[0], path)
        body.insert(0, f"<h1>{html.escape(_heading(found[0]))}</h1>")
    else:
        title = f"Lottery tickets of {len(found)} runs"
        body = [f"<h1>{title}</h1>", *_together(found)]
        for number, judged in enumerate(found):
            name = html.escape(f"{judged.name}: {_heading(judged)}")
            body.append(f'<section id="run-{number}"><h2 class="run">{name}</h2>')
            body += [*sections.of_run(judged, path, f"run-{number}-"), "</section>"]
    return document(title, body)


def document(title: str, body: Sequence[str]) -> bytes:
    """A page that loads nothing: `title` is text, `body` HTML."""
    text = "\n".join(
        [
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{html.escape(title)}</title><style>{STYLE}</style></head><body>",
            *body,
            f"<script>{SCRIPT}</script></body></html>\n",
        ]
    )
    return text.encode()


def _heading(judged: Judged) -> str:
    return f"Lottery tickets of {judged.config.networks.gan} on {judged.config.data.dataset}"


def _title(judged: Judged) -> str:
    """The title of the page: GAN, data and how sparse its best ticket is."""
    names = f"{judged.config.networks.gan} on {judged.config.data.dataset}"
    found = [
        next(r.generator_sparsity for r in judged.of(name) if r.round == verdict.best)
        for name, verdict in judged.verdicts.items()
        if verdict.best is not None
    ]
    sparsity = f"{max(found):.1%} sparse ticket" if found else "no ticket found"
    return f"{names}, {sparsity} · {judged.name}"


def _together(found: Sequence[Judged]) -> list[str]:
    """The tickets of all runs: those under one protocol in one figure."""
    groups: dict[tuple[str, str], list[tuple[int, Judged]]] = {}
    for number, judged in enumerate(found):
        for generator in judged.verdicts:
            group = (generator, judged.protocol(generator))
            groups.setdefault(group, []).append((number, judged))
    body = []
    if len(groups) > 1:
        protocols = ", ".join(
            html.escape(protocol) for protocol in dict.fromkeys(p for _, p in groups)
        )
        body.append(
            '<p class="note">Drawn apart: scores of different generators or under different'
            f" protocols cannot be compared ({protocols}).</p>"
        )
    for number, ((generator, protocol), members) in enumerate(groups.items()):
        heading = titled(generator, f"FID under {protocol}")
        body += [
            f"<h2>{html.escape(heading)}</h2>",
            score_figures.together(generator, members, f"{number}-"),
        ]
    return body
