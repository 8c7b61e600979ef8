import pathlib
import re

from tf_gan_lth.report import markup
from tf_gan_lth.report.markup import Markup


def test_a_table_aligns_numbers_and_leaves_out_what_is_empty():
    rows = [["a<b", "1,234", "-", "0.5 to inf"], ["c", "12.5%", "", "-"]]
    text = markup.table(["name", "size", "nothing", "interval"], rows)
    assert "nothing" not in text and "a&lt;b" in text
    assert '<td class="l">c</td><td>12.5%</td><td>-</td>' in text


def test_a_table_without_rows_has_its_head_left_out():
    assert "<tbody></tbody>" in markup.table(["a", "b"], [])


def test_markup_stays_markup():
    assert '<td class="l"><b>x</b></td>' in markup.table(["a"], [[Markup("<b>x</b>")]])


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
