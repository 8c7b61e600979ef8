"""What the docs name is there: commands, their flags, files, links. Nothing is run."""

import json
import pathlib
import re

import pytest
from absl import flags
from blocks import ROOT, blocks, commands, pages

from tf_gan_lth.cli import command_line, flag_files, main

OWN = re.compile(r"(?:scripts|benchmarks|flags|docs|tests)/[\w./-]+\.\w+")
LINK = re.compile(r"(?<!\!)\[[^\]]*\]\(([^)]+)\)|^\[[^\]]+\]: (\S+)$", re.MULTILINE)
PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)")
# Flags of other programs that the pages name.
FOREIGN = {"all", "no", "logdir", "constraint", "parsable", "dependency"}


def named_commands():
    """(where, words) of each command in the blocks of all pages and in the help of commands."""
    for page in pages():
        for block in blocks(page):
            if block.language == "bash":
                yield from ((str(block), words) for words in commands(block))


def define(name):
    values = flags.FlagValues()
    main.find(name).define(values)
    return values


def own_name(words):
    """The command of ours that words call, and its arguments; None if they call another program."""
    words = words[1:] if words[0] == "srun" else words
    if words[0] == "tf-gan-lth":
        words = [word for word in words if word not in ("--help", "--version")]
        return (words[1], words[2:]) if len(words) > 1 else None
    script = pathlib.PurePath(words[1]) if len(words) > 1 else pathlib.PurePath()
    if words[0] == "python" and script.parent.name == "scripts":
        return script.stem, words[2:]
    return None


def known_flags():
    names = set()
    for name in main.COMMANDS:
        names |= set(define(name))
    return names | {f"no{name}" for name in names}


@pytest.mark.parametrize(
    ("where", "words"), [pytest.param(*each, id=each[0]) for each in named_commands()]
)
def test_a_command_is_there_and_takes_its_flags(where, words):
    called = own_name(words)
    if called:
        name, arguments = called
        values = define(name)
        values["verbosity"] = flags.FLAGS["verbosity"]  # absl's own
        if {"--help", "--version"} & set(words):
            return  # those that are required need not be given
        rest = values([name, *flag_files.expand(arguments)])
        command_line.take_words(values, rest[1:])
        return
    for word in words[1:]:
        assert not OWN.fullmatch(word) or (ROOT / word).is_file(), f"{where}: no {word}"
    if len(words) > 1 and words[1].startswith("benchmarks/"):
        source = (ROOT / words[1]).read_text("utf-8")
        for word in words[2:]:
            flag = word.lstrip("-").partition("=")[0]
            known = f'"{flag}"' in source or flag in known_flags() | {"flagfile"}
            assert known, f"{where}: {words[1]} has no --{flag}"


@pytest.mark.parametrize("page", pages())
def test_flags_in_the_text_exist(page):
    text = (ROOT / page).read_text("utf-8")
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    named = set(re.findall(r"`--([a-z_]\w*)", prose))
    programs = [
        p for f in ("benchmarks", "tests/crash", "tests/fuzz") for p in (ROOT / f).glob("*.py")
    ]
    sources = "".join(path.read_text("utf-8") for path in programs)
    absl_own = {"flagfile", "verbosity", "help", "version"}
    unknown = named - known_flags() - absl_own - FOREIGN
    assert {flag for flag in unknown if f'{flag}"' not in sources} == set()


@pytest.mark.parametrize("page", pages())
def test_files_links_and_pictures_are_there(page):
    text = (ROOT / page).read_text("utf-8")
    for name in re.findall(r"`(" + OWN.pattern + ")`", text):
        assert (ROOT / name).is_file(), f"{page} names {name}"
    targets = [a or b for a, b in LINK.findall(text)]
    for target in [*targets, *(target for _, target in PICTURE.findall(text))]:
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        assert file.is_file(), f"{page} links to {target}"
        if anchor:
            assert anchor in anchors(file), f"{page} links to {target}"
    assert all(alt for alt, _ in PICTURE.findall(text))


def anchors(file):
    """The anchors of a page's headings, as most hosts make them."""
    headings = re.findall(r"^#+ (.+)$", file.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_help_of_commands_names_flags_that_exist():
    for name in main.COMMANDS:
        doc = re.sub(r"\\\n\s*", " ", main.find(name).__doc__)
        for line in re.findall(r"^    ((?:tf-gan-lth|python) .+)$", doc, re.MULTILINE):
            test_a_command_is_there_and_takes_its_flags(name, line.split())


def test_what_an_index_shows_links_to_no_file():
    """Of `about.md`, which has no folder around it there."""
    [about] = re.findall(r"^long_description = file: (\S+)$", (ROOT / "setup.cfg").read_text(), 8)
    text = (ROOT / about).read_text("utf-8")
    assert not PICTURE.findall(text)
    assert all("://" in (a or b) for a, b in LINK.findall(text))


def test_the_environment_is_activated_before_it_is_needed():
    """The demo makes it; what comes after says so once, first."""
    first, second, *_ = [block for block in blocks("README.md") if block.language == "bash"]
    assert [words[0] for words in commands(first)] == ["bash", "bash"]
    assert list(commands(second)) == [["source", ".venv/bin/activate"]]


def test_the_citation_is_of_this_version_and_of_the_paper():
    from tf_gan_lth import __version__

    text = (ROOT / "CITATION.cff").read_text("utf-8")
    assert "cff-version: 1.2.0\n" in text and f"\nversion: {__version__}\n" in text
    assert "title: GANs Can Play Lottery Tickets Too\n" in text and "2106.00134" in text


def test_the_notebook_is_stored_without_outputs():
    notebook = json.loads((ROOT / "docs/notebooks/first_ticket.ipynb").read_text("utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None
