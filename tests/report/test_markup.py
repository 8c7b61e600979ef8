import pathlib
import re

import pytest

from tf_gan_lth.experiment import amounts
from tf_gan_lth.report import assets, markup
from tf_gan_lth.report.markup import Amount, Markup


def test_a_table_aligns_numbers_and_leaves_out_what_is_empty():
    rows = [["a<b", "1,234", "-", "0.5 to inf"], ["c", "12.5%", "", "-"]]
    text = markup.table(["name", "size", "nothing", "interval"], rows)
    assert "nothing" not in text and "a&lt;b" in text
    assert '<td class="l">c</td><td>12.5%</td><td>-</td>' in text


def test_a_table_without_rows_has_its_head_left_out():
    assert "<tbody></tbody>" in markup.table(["a", "b"], [])


def test_markup_stays_markup():
    assert '<td class="l"><b>x</b></td>' in markup.table(["a"], [[Markup("<b>x</b>")]])


def test_an_amount_is_sorted_by_the_number_that_it_stands_for():
    rows = [[Amount(amounts.duration(seconds), seconds)] for seconds in (45, 7500)]
    text = markup.table(["after"], rows)
    assert '<td data-key="45">45 s</td>' in text
    assert '<td data-key="7500">2 h 05 min</td>' in text


@pytest.mark.parametrize(
    ("cell", "number"),
    [("1,234", "1234"), ("12.5%", "12.5"), ("0.63 to inf", "0.63"), ("1e-05", "1e-05")]
    + [("3.14e+12", "3.14e+12"), ("-0.5", "-0.5"), ("2026-01-05 10:00:00", None)]
    + [("undetermined (takes 3 replicates)", None), ("12 s", None), ("-", None)],
)
def test_what_the_pages_script_takes_for_a_number(cell, number):
    """Whatever else begins with digits, such as a date, is sorted as text."""
    pattern = re.search(r"match\(/(.*)/i\)", assets.SCRIPT)[1]
    found = re.search(pattern, cell.replace(",", ""), re.IGNORECASE)
    assert (found and found[0]) == number


def test_links_lead_from_the_page_to_the_file(tmp_path):
    page = tmp_path / "pages" / "report.html"
    for target, address in (
        (tmp_path / "pages" / "run" / "a b#c", "run/a%20b%23c"),
        (tmp_path / "run", "../run"),
        (tmp_path / "pages" / "javascript:x", "javascript%3Ax"),
    ):
        text = markup.link(pathlib.Path(target), page, "<name>")
        href = re.search('href="(.*?)"', text)[1]
        assert href.removeprefix("./") == address and "&lt;name&gt;" in text
