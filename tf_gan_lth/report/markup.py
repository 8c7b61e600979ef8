"""Pieces of HTML: tables, pictures, links. Everything that is not `Markup` is escaped."""

import base64
import html
import os
import re
import urllib.parse
from collections.abc import Sequence

from tf_gan_lth.experiment.paths import Path

# A number, with what may stand around one: thousands, a share, an interval, a power.
NUMBER = re.compile(r"[-+]?[\d.,]+(e[-+]?\d+)?( ?%)?( to ([\d.,]+|inf))?|-|inf|nan|", re.IGNORECASE)


class Markup(str):
    """Text that is HTML already."""


class Amount(str):
    """Text that stands for a number, such as `3.14T` or `2 h 05 min`, by which tables sort it.

    Attributes:
      number: that it stands for.
    """

    def __new__(cls, text: str, number: float):
        made = super().__new__(cls, text)
        made.number = number
        return made


def text(value: object) -> str:
    """The value as HTML text."""
    return value if isinstance(value, Markup) else html.escape(str(value))


def table(
    head: Sequence[object],
    rows: Sequence[Sequence[object]],
    style: str = "sorts",
    whole: bool = False,
) -> str:
    """A table in a box of its own, which scrolls where it is wider than the screen.

    Columns of numbers are flush right, all others flush left; those that hold nothing are left out,
    unless the table is to be whole.
    """
    filled = [
        n for n in range(len(head)) if whole or any(str(row[n]) not in ("", "-") for row in rows)
    ]
    head, *rows = ([row[n] for n in filled] for row in (head, *rows))
    numeric = [all(_is_number(row[n]) for row in rows) for n in range(len(head))]

    sides = ["" if right else ' class="l"' for right in numeric]

    def line(cells: Sequence[object], tag: str) -> str:
        pairs = zip(cells, sides, strict=True)
        made = (f"<{tag}{side}{_key(cell)}>{text(cell)}</{tag}>" for cell, side in pairs)
        return f"<tr>{''.join(made)}</tr>"

    body = "".join(line(row, "td") for row in rows)
    return (
        f'<div class="wide"><table class="{style}"><thead>{line(head, "th")}</thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _is_number(cell: object) -> bool:
    return isinstance(cell, Amount) or bool(NUMBER.fullmatch(str(cell)))


def _key(cell: object) -> str:
    """What a cell is sorted by, as an attribute, if that is not its text."""
    return f' data-key="{cell.number:.6g}"' if isinstance(cell, Amount) else ""


def picture(png: bytes, alt: str, caption: Markup) -> str:
    """A picture that is in the page itself, below its caption."""
    source = "data:image/png;base64," + base64.b64encode(png).decode()
    return (
        f"<figure><figcaption>{caption}</figcaption>"
        f'<img loading="lazy" alt="{html.escape(alt)}" src="{source}"></figure>'
    )


def link(path: Path, page: Path, name: str) -> Markup:
    """A link to a file or folder, relative to the page, so that both can be moved together."""
    target = os.path.relpath(str(path.absolute()), str(page.absolute().parent))
    address = urllib.parse.quote(target) if "://" not in str(path) else str(path)
    # A name with a colon would read as a scheme.
    if ":" in target.split("/")[0] and "://" not in str(path):
        address = "./" + address
    return Markup(f'<a href="{html.escape(address)}">{html.escape(name)}</a>')


def in_words(value: object) -> str:
    """A value of a record."""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "-" if value is None else str(value)
