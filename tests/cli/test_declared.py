"""Options that a GAN's or method's file declares are flags, without that file being imported."""

import dataclasses
import importlib
import os
import pathlib
import subprocess
import sys

import pytest
from absl import flags

from tf_gan_lth.cli import command_line, declared, help_text
from tf_gan_lth.experiment.errors import UsageError

ROOT = pathlib.Path(__file__).parents[2]

# What is around the class must not run.
FILE = '''
"""A GAN."""

import dataclasses
raise SystemExit("this file was imported")

@dataclasses.dataclass(frozen=True)
class Options:
    """{concern}"""

{fields}

gan = build(Options)
'''


def write(path, *fields, concern="Networks"):
    path.write_text(FILE.format(concern=concern, fields="\n".join(f"    {f}" for f in fields)))
    return path


@pytest.fixture
def mine(tmp_path):
    return write(
        tmp_path / "mine.py",
        'depth: int = option(3, "hidden layers", low=1)',
        'width: int = option(32, "channels of hidden maps", low=1)',
        'slope: float | None = option(None, "of leaky ReLUs; unset: plain ones")',
        'kind: str = option("plain", "kind of block", choices=("plain", "dense"))',
        'sizes: tuple[int, ...] = option((4, 8), "of maps")',
        'biases: bool = option(True, "whether layers have them")',
        concern="My networks",
    )


def values_of(*files):
    values = flags.FlagValues()
    command_line.define_declared_flags(values, files)
    return values


def test_the_class_is_read_and_nothing_else_is_run(mine):
    options = declared.declared_options(mine)
    read = options()
    assert (read.depth, read.slope, read.sizes, read.biases) == (3, None, (4, 8), True)
    fields = {field.name: field.metadata for field in dataclasses.fields(options)}
    assert fields["depth"]["low"] == 1 and fields["kind"]["choices"] == ("plain", "dense")
    with pytest.raises(dataclasses.FrozenInstanceError):
        read.depth = 4


def test_a_file_without_the_class_declares_nothing(tmp_path):
    path = tmp_path / "plain.py"
    path.write_text("import nothing\n\ndef f():\n    class Options:\n        pass\n")
    assert declared.declared_options(path) is None
    assert declared.merge([path]) == []


def test_flags_are_unset_until_they_are_given(mine):
    values = values_of(mine)
    values(["", "--depth=5", "--nobiases", "--sizes=1,2"])
    assert values.depth == 5 and values.biases is False and values.sizes == ["1", "2"]
    assert values.width is None and values.slope is None and values.kind is None


def test_what_is_given_becomes_extras_of_the_config():
    values = flags.FlagValues()
    command_line.define_config_flags(values)
    values(["", "--width=8", "--rounds=2"])
    config = command_line.config_from_flags(values)
    assert config.extras == {"width": 8} and config.lottery.rounds == 2


def test_a_name_of_several_files_is_one_flag_whose_help_lists_them(mine, tmp_path):
    other = write(
        tmp_path / "other.py",
        'width: int | None = option(64, "channels of hidden maps")',
        'depth: int = option(9, "residual blocks")',
        'slope: float = option(0.2, "of leaky ReLUs; unset: plain ones")',
        'names: tuple[str, ...] = option(("a", "b"), "of layers")',
    )
    values = values_of(mine, other)
    assert values["width"].help == "channels of hidden maps (mine: 32; other: 64)"
    assert values["depth"].help == "hidden layers (mine: 3); residual blocks (other: 9)"
    assert values["slope"].help == "of leaky ReLUs; unset: plain ones (mine; other: 0.2)"
    assert values["names"].help == "of layers (other: a,b)"
    text = help_text.help_text("", values)
    assert text.index("My networks:") < text.index("--width ") < text.index("Networks:\n  --names")
    # A file that comes later changes the help of flags that are there.
    values = values_of(other)
    command_line.define_declared_flags(values, [other, mine])
    assert values["width"].help == "channels of hidden maps (other: 64; mine: 32)"


def test_flags_without_a_title_are_listed_too(tmp_path):
    path = tmp_path / "bare.py"
    path.write_text(
        "@dataclass(frozen=True)\nclass Options:\n    depth: int = option(1, 'layers')\n"
    )
    assert f"{declared.OTHER_CONCERN}:\n  --depth" in help_text.help_text("", values_of(path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("class Options:\n  pass\n", r"wrong.py: Options must be a dataclass"),
        ("@dataclass\nclass Options:\n  a: int = LIMIT\n", "line 2: .*NameError: name 'LIMIT'"),
        ("@dataclass\nclass Options:\n  a: int = 3\n", "Options.a says no more than a default"),
        (
            "@dataclass\nclass Options:\n  a: dict = option(None, 'a')\n",
            r"Options.a is a <class 'dict'>: a flag is one of str, int, float, bool, tuple",
        ),
        ("@dataclass\nclass Options\n  a: int\n", "wrong.py, line 2: expected ':'"),
        (b"name = '\xfc'\n", r"wrong.py.*: .*(utf-8|encoding)"),
        (
            "@dataclass\nclass Options:\n  rate: int = option(1, 'a')\n",
            "--rate, which wrong declares, is a flag of every run: rename it",
        ),
        (
            "@dataclass\nclass Options:\n  blocks: str = option('a', 'a')\n",
            "--blocks is of type int in numbers and of type str in wrong: rename one of them",
        ),
    ],
)
def test_wrong_classes_are_one_line(text, message, tmp_path):
    path = tmp_path / "wrong.py"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    numbers = write(tmp_path / "numbers.py", 'blocks: int = option(1, "blocks")')
    values = flags.FlagValues()
    command_line.define_flag(values, "Lottery", "rate", float, 0.2, "of every run")
    with pytest.raises(UsageError, match=message) as raised:
        command_line.define_declared_flags(values, [numbers, path])
    assert "\n" not in str(raised.value)


def test_files_of_ones_own_are_found_in_the_arguments(mine, tmp_path):
    other = write(tmp_path / "other.py")
    for arguments, expected in [
        ([f"--gan={mine}:gan"], [mine]),
        (["--gan", f"{mine}:gan", f"-plugins={other},{mine}"], [mine, other]),
        ([f"--gan={mine}:gan", "--gan=sngan"], []),
        (["--gan=sngan", "--plugins="], []),
        (["--rounds=3"], []),
    ]:
        assert declared.own_files(arguments) == expected
    with pytest.raises(UsageError, match="there is no file /none.py"):
        declared.own_files(["--plugins=/none.py"])


def test_a_module_is_found_without_its_packages_being_imported(tmp_path, monkeypatch):
    package = tmp_path / "a_package_of_mine"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    gan = write(package / "gan.py", 'depth: int = option(3, "hidden layers")')
    monkeypatch.syspath_prepend(tmp_path)
    assert declared.own_files(["--gan=a_package_of_mine.gan:gan"]) == [gan]
    for missing in ("a_package_of_mine.no", "a_package_of_mine.gan.no", "no_package_of_mine", ""):
        assert declared.own_files([f"--gan={missing}:gan"]) == []


def test_what_is_read_is_what_an_import_has():
    read = {path: declared.declared_options(path) for path in declared.package_files()}
    declaring = [path for path, options in read.items() if options]
    assert {"sngan", "cyclegan"} <= {path.stem for path in declaring}
    for path in declaring:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        imported = importlib.import_module(name).Options
        assert _fields(read[path]) == _fields(imported), path


def _fields(options):
    return [(f.name, f.default, f.metadata) for f in dataclasses.fields(options)]


def find_ticket(*arguments, cwd):
    command = [sys.executable, str(ROOT / "scripts" / "find_ticket.py"), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, env=environment, timeout=120
    )


def test_options_of_a_users_gan_are_flags_of_the_command(mine, tmp_path):
    (tmp_path / "mine.flags").write_text("--gan=mine.py:gan\n")
    result = find_ticket("--flagfile=mine.flags", "--help", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "mine: 32" in result.stdout and "hidden layers (mine: 3)" in result.stdout
    result = find_ticket("--flagfile=mine.flags", "--deph=3", cwd=tmp_path)
    assert result.returncode == 2 and "Did you mean: depth" in result.stderr
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    mine.rename(tmp_path / "package" / "theirs.py")
    result = find_ticket("--gan=package.theirs:gan", "--help", cwd=tmp_path)
    assert "hidden layers (theirs: 3)" in result.stdout
    result = find_ticket("--gan=none.py:gan", cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr.splitlines() == ["error: there is no file none.py"]
