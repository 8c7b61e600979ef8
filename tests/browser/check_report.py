"""Opens the report of a run in headless Chromium: a click, a hover, a width of 390 pixels.

    python tests/browser/check_report.py runs/demo [--screenshots=FOLDER]

Installs nothing: it takes `chromium`, `chromium-browser` or `google-chrome` from the PATH, or the
program that the variable CHROMIUM names, and fails without one. Run by hand, as CI has no browser.
"""

import argparse
import base64
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.report import judged, page

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
)
NARROW = 390  # pixels

# Runs in the page, after its own script; what it returns is written into the page as JSON.
CHECKS = """
const found = {};
const tip = document.getElementById('tip');
const point = document.querySelector('.chart .point');
point.dispatchEvent(new PointerEvent('pointerenter'));
found.hover = tip.hidden ? '' : tip.textContent;
point.dispatchEvent(new PointerEvent('pointerleave'));
found.left = tip.hidden;
point.focus();
found.focus = tip.hidden ? '' : tip.textContent;
point.blur();
const losses = document.querySelector('.chart.small');
const box = losses.getBoundingClientRect();
losses.dispatchEvent(new PointerEvent('pointermove', {clientX: box.right - 10}));
found.losses = tip.hidden ? '' : tip.textContent;
losses.dispatchEvent(new PointerEvent('pointerleave'));
const table = [...document.querySelectorAll('table.sorts')].find(
  table => [...table.tHead.rows[0].cells].some(cell => cell.textContent === 'FID'));
const head = [...table.tHead.rows[0].cells].find(cell => cell.textContent === 'FID');
const column = () => [...table.tBodies[0].rows].map(
  row => parseFloat(row.cells[head.cellIndex].textContent));
head.querySelector('button').click();
found.up = column(); found.sorted = head.getAttribute('aria-sort');
head.querySelector('button').click();
found.down = column();
const views = document.querySelector('.views');
const shown = () => [...views.querySelectorAll(':scope > figure')].filter(
  figure => getComputedStyle(figure).display !== 'none').map(figure => figure.className);
const buttons = kind => [...views.querySelectorAll(`input[class^=${kind}]`)];
found.axes = buttons('a').map(button => { button.click(); return shown(); });
buttons('a')[0].click();
found.views = buttons('v').map(button => { button.click(); return shown(); });
buttons('v')[0].click();
const root = document.documentElement;
found.width = [innerWidth, root.clientWidth, root.scrollWidth];
found.background = getComputedStyle(document.body).backgroundColor;
const bars = [...document.querySelectorAll('.wide, .strip')].filter(
  b => b.scrollWidth > b.clientWidth);
found.boxes = bars.every(b => ['auto', 'scroll'].includes(getComputedStyle(b).overflowX));
"""


def main() -> None:
    """Checks the page, and prints what was seen."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run")
    parser.add_argument("--screenshots", type=pathlib.Path)
    arguments = parser.parse_args()
    names = (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    browser = next((shutil.which(name) for name in names if name and shutil.which(name)), None)
    if browser is None:
        sys.exit("no Chromium: install one, or name its program in the variable CHROMIUM")

    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "report.html"
        path.write_bytes(page.page([judged.judge(RunFolder(arguments.run))], path))
        wide = look(browser, path, 1200)
        narrow = look(browser, path, NARROW)
        dark = look(browser, path, 1200, "--blink-settings=preferredColorScheme=0")
        if arguments.screenshots:
            arguments.screenshots.mkdir(parents=True, exist_ok=True)
            shoot(browser, path, arguments.screenshots)
    for seen in (wide, narrow, dark):
        check(seen)
    assert wide["background"] != dark["background"], "dark and light look the same"
    assert narrow["width"][0] == NARROW
    print(json.dumps(wide, indent=1), "\nthe report works, also dark and at 390 pixels", sep="")


def check(seen: dict) -> None:
    """Asserts what a page does when it is used."""
    assert "FID" in seen["hover"] and seen["left"] and seen["focus"] == seen["hover"], seen
    assert seen["losses"].startswith("step ") and "generator loss" in seen["losses"], seen
    assert seen["up"] == sorted(seen["up"]) and seen["sorted"] == "ascending", seen
    assert seen["down"] == sorted(seen["up"], reverse=True) and len(seen["up"]) > 1, seen
    # One figure at a time, that of the two buttons.
    assert seen["axes"] == [[f"a{n} v0"] for n in range(len(seen["axes"]))], seen
    assert seen["views"] == [[f"a0 v{n}"] for n in range(len(seen["views"]))], seen
    assert len(seen["axes"]) > 1, seen
    # Without the scroll bar at the side.
    assert seen["width"][1] == seen["width"][2] and seen["boxes"], seen


def look(browser: str, path: pathlib.Path, width: int, *flags: str) -> dict:
    """What the checks find in the page, in a frame of `width` pixels.

    A window of Chromium is never narrower than 500 pixels, hence the frame.
    """
    inner = path.with_name("checked.html")
    send = f"(() => {{ {CHECKS} parent.postMessage(JSON.stringify(found), '*'); }})()"
    inner.write_text(f"{path.read_text()}<script>{send}</script>")
    outer = path.with_name("frame.html")
    outer.write_text(
        "<pre></pre><script>addEventListener('message', event => {"
        " document.querySelector('pre').textContent = btoa(event.data.replace("
        "/[^\\x00-\\x7f]/g, '?')); });</script>"
        f'<iframe src="checked.html" style="width:{width}px;height:2000px;border:0"></iframe>'
    )
    dom = run(browser, "--dump-dom", *flags, outer.as_uri())
    text = re.search("<pre>(.+?)</pre>", dom)
    assert text, f"the page's script stopped: {dom[:2000]}"
    return json.loads(base64.b64decode(text[1]))


def shoot(browser: str, path: pathlib.Path, folder: pathlib.Path) -> None:
    """Takes pictures of the page in light, dark and narrow."""
    frame = path.with_name("narrow.html")
    style = f"width:{NARROW}px;height:2400px;border:0"
    frame.write_text(f'<body style="margin:0"><iframe src="report.html" style="{style}"></iframe>')
    for name, shown, size, flags in (
        ("light", path, "1200,2400", ()),
        ("dark", path, "1200,2400", ("--blink-settings=preferredColorScheme=0",)),
        ("narrow", frame, "500,2400", ()),
    ):
        picture = folder.absolute() / f"{name}.png"
        run(browser, f"--window-size={size}", f"--screenshot={picture}", *flags, shown.as_uri())


def run(browser: str, *arguments: str) -> str:
    """The output of a browser with a profile of its own."""
    with tempfile.TemporaryDirectory() as profile:
        command = [browser, *FLAGS, f"--user-data-dir={profile}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout


if __name__ == "__main__":
    main()
