"""Flag files: found by path or as presets, nested by their own folder, wrong ones one line."""

import pathlib

import pytest
from absl import flags

from tf_gan_lth.cli import command_line, flag_files
from tf_gan_lth.experiment.errors import UsageError

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, in which the test runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def test_flags_of_a_file_stand_where_it_stood(folder):
    write(folder / "a.flags", "# a comment", "", "  --rounds=3  ", "// another", "--norewind")
    for named in (["--flagfile=a.flags"], ["-flagfile=a.flags"], ["--flagfile", "a.flags"]):
        expanded = flag_files.expand(["--seed=1", *named, "--rounds=4"])
        assert expanded == ["--seed=1", "--rounds=3", "--norewind", "--rounds=4"]
    assert flag_files.expand([f"--flagfile={folder / 'a.flags'}"]) == ["--rounds=3", "--norewind"]


def test_a_file_reads_others_by_its_own_folder(folder):
    write(folder / "deep" / "outer.flags", "--seed=1", "--flagfile=more/inner.flags", "--seed=2")
    write(folder / "deep" / "more" / "inner.flags", "--flagfile=beside.flags")
    write(folder / "deep" / "more" / "beside.flags", "--rounds=1")
    # Of the same name where the command is run: the file's own folder comes first.
    write(folder / "beside.flags", "--rounds=2")
    expected = ["--seed=1", "--rounds=1", "--seed=2"]
    assert flag_files.expand(["--flagfile=deep/outer.flags"]) == expected
    # As before there was such a rule: by where the command is run.
    write(folder / "deep" / "old.flags", "--flagfile=deep/more/inner.flags")
    assert flag_files.expand(["--flagfile=deep/old.flags"]) == ["--rounds=1"]
    # One file may be read twice, if not by itself.
    twice = ["--flagfile=beside.flags", "--flagfile=beside.flags"]
    assert flag_files.expand(twice) == ["--rounds=2", "--rounds=2"]


def test_a_path_comes_before_a_preset(folder):
    preset = flag_files.expand(["--flagfile=sngan_digits.flags"])
    assert "--dataset=digits" in preset
    write(folder / "mine.flags", "--flagfile=sngan_digits.flags", "--steps=3")
    assert flag_files.expand(["--flagfile=mine.flags"]) == [*preset, "--steps=3"]
    write(folder / "sngan_digits.flags", "--dataset=cifar10")
    assert flag_files.expand(["--flagfile=sngan_digits.flags"]) == ["--dataset=cifar10"]


def test_wrong_files_are_one_line(folder):
    write(folder / "a.flags", "--flagfile=b.flags")
    write(folder / "b.flags", "--flagfile=c.flags")
    write(folder / "c.flags", "--flagfile=b.flags")
    write(folder / "self.flags", "--flagfile=self.flags")
    write(folder / "dangling.flags", "--flagfile=none.flags")
    (folder / "latin.flags").write_bytes("--seed=1\n--data_dir=/Bücher".encode("latin-1"))
    (folder / "odd.flags").write_bytes("--seed=1".encode("utf-16") + b"x")
    (folder / "zero.flags").write_bytes(b"--seed=1\n--see\0d=2")
    (folder / "folder.flags").mkdir()
    for name, message in {
        "a.flags": r"^flag files read each other in a circle: b.flags -> c.flags -> b.flags$",
        "self.flags": r"in a circle: self.flags -> self.flags$",
        "dangling.flags": r"^there is no flag file 'none.flags', which .*/dangling.flags reads",
        "latin.flags": r"^flag file .*/latin.flags, line 2, is not UTF-8 text: .* byte 0xfc",
        "folder.flags": r"^cannot read flag file .*/folder.flags: Is a directory$",
        "odd.flags": r"^flag file .*/odd.flags, line 1, is not UTF-8 text: truncated data",
        "zero.flags": r"^flag file .*/zero.flags, line 2, is not text: it holds a zero byte$",
        "zzz.flags": r"^there is no flag file 'zzz.flags'; tf-gan-lth lists presets$",
        "flags/sngan_digits.flag": r"did you mean the preset 'sngan_digits.flags'\?$",
        "": "^--flagfile= names no file",
    }.items():
        with pytest.raises(UsageError, match=message) as raised:
            flag_files.expand([f"--flagfile={name}"])
        assert "\n" not in str(raised.value)
    with pytest.raises(UsageError, match="names no file"):
        flag_files.expand(["--flagfile"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_files_of_windows_are_read(encoding, end, folder):
    lines = ["# Café", "--data_dir=/Bücher\\", "  2", "--seed=2", ""]
    mark = "\ufeff" if encoding in ("utf-16-le", "utf-16-be") else ""
    (folder / "a.flags").write_bytes((mark + end.join(lines)).encode(encoding))
    assert flag_files.expand(["--flagfile=a.flags"]) == ["--data_dir=/Bücher2", "--seed=2"]


def test_a_mark_within_and_odd_separators_are_no_line(folder):
    (folder / "a.flags").write_text(
        "\ufeff--seed=1\n\ufeff# put together\n--data_dir=/a\u2028b\x0cc"
    )
    assert flag_files.expand(["--flagfile=a.flags"]) == ["--seed=1", "--data_dir=/a\u2028b\x0cc"]


def test_a_circle_is_one_by_any_name(folder):
    (folder / "link.flags").symlink_to(folder / "a.flags")
    write(folder / "a.flags", f"--flagfile={folder}/deep/../link.flags", "--seed=1")
    (folder / "deep").mkdir()
    with pytest.raises(UsageError, match="in a circle: a.flags -> a.flags$"):
        flag_files.expand(["--flagfile=a.flags"])


def config_of(*arguments):
    values = flags.FlagValues()
    command_line.define_config_flags(values)
    values(["", *flag_files.expand(arguments)])
    return command_line.config_from_flags(values)


def test_presets_are_those_of_the_repository():
    assert flag_files.presets() == sorted(path.name for path in (ROOT / "flags").iterdir())


@pytest.mark.parametrize("name", flag_files.presets())
def test_a_preset_is_a_config_from_anywhere_and_says_how_it_is_run(name, folder):
    config = config_of(f"--flagfile={name}")
    assert config == config_of(f"--flagfile={ROOT / 'flags' / name}")
    head = (ROOT / "flags" / name).read_text().replace("\\\n#", "").split("\n--")[0]
    assert f"--flagfile=flags/{name} " in head and "--run_dir=runs/" in head
    assert "Hardware: " in head and "Time" in head
    assert all(len(line) <= 100 for line in head.splitlines() if "--run_dir" not in line)


def test_variants_of_the_study_say_only_what_differs():
    base = config_of("--flagfile=sngan_cifar10_imp_g.flags")
    for variant, changes in {
        "imp_gd": {"prune": ("generator", "discriminator")},
        "imp_gd_kd": {"prune": ("generator", "discriminator"), "kd_weight": 0.25},
        "dense_d": {"discriminator_start": "dense"},
        "second_d": {"discriminator_start": "second_seed"},
        "late_rewind": {"rewind_step": 2500},
        "standard": {"rewind": False},
    }.items():
        changed = [f"--{name}={_text(value)}" for name, value in changes.items()]
        expected = config_of("--flagfile=sngan_cifar10_imp_g.flags", *changed)
        assert config_of(f"--flagfile=sngan_cifar10_{variant}.flags") == expected != base


def _text(value):
    return ",".join(value) if isinstance(value, tuple) else str(value)


def test_a_long_flag_goes_on_in_the_next_line(tmp_path):
    file = tmp_path / "long.flags"
    file.write_text("--branches=random_mask,\\\n    one_shot,\\\n  snip\n# \n--steps=3\n")
    assert flag_files.expand([f"--flagfile={file}"]) == [
        "--branches=random_mask,one_shot,snip",
        "--steps=3",
    ]
    text = "random_mask,random_mask_by_layer,random_init,one_shot,snip,not_rewound"
    text += ",dense_discriminator,second_discriminator,dense_generator,random_ticket"
    expected = f"--branches={text}"
    assert expected in flag_files.expand(["--flagfile=sngan_cifar10_controls.flags"])
