import pytest

from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.errors import ArtifactError, RunFolderError
from tf_gan_lth.experiment.run_folder import RunFolder


def test_a_folder_is_claimed_once_and_found_again(tmp_path):
    config = configs.from_options({"steps": 3})
    RunFolder(tmp_path / "run").claim(config)
    RunFolder(tmp_path / "run").claim(configs.from_options({"steps": 3, "rounds": 12}))
    assert RunFolder(tmp_path / "run").read_config().lottery.rounds == 12


def test_another_config_is_refused_by_field(tmp_path):
    RunFolder(tmp_path).claim(configs.from_options({"steps": 3, "seed": 1}))
    with pytest.raises(
        RunFolderError, match="--seed is 1 there and 0 here, --steps is 3 there and 4 here"
    ):
        RunFolder(tmp_path).claim(configs.from_options({"steps": 4}))
    assert RunFolder(tmp_path).read_config().training.steps == 3


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(RunFolderError, match="neither empty nor a run"):
        RunFolder(tmp_path).claim(configs.Config())
    with pytest.raises(RunFolderError, match="is a file"):
        RunFolder(tmp_path / "thesis.tex").claim(configs.Config())


def test_of_two_that_claim_a_folder_at_once_none_takes_it_for_something_else(tmp_path, monkeypatch):
    second, check = RunFolder(tmp_path), RunFolder._check_empty

    def after_the_first(folder):
        monkeypatch.setattr(RunFolder, "_check_empty", check)
        RunFolder(tmp_path).claim(configs.Config())
        check(folder)

    monkeypatch.setattr(RunFolder, "_check_empty", after_the_first)
    second.claim(configs.Config())
    assert second.read_config() == configs.Config()


def test_a_folder_where_a_first_write_was_killed_is_free(tmp_path):
    (tmp_path / "config.json.partial").write_text("{")
    RunFolder(tmp_path).claim(configs.Config())
    assert RunFolder(tmp_path).read_config() == configs.Config()


def test_a_finished_run_is_opened_without_writing(tmp_path):
    RunFolder(tmp_path).claim(configs.Config())
    before = (tmp_path / "config.json").stat().st_mtime_ns
    RunFolder(tmp_path).claim(configs.Config())
    assert (tmp_path / "config.json").stat().st_mtime_ns == before


def test_a_broken_config_is_named(tmp_path):
    RunFolder(tmp_path).claim(configs.Config())
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ArtifactError, match="config.json is broken"):
        RunFolder(tmp_path).claim(configs.Config())


def test_rounds_and_branches_are_listed_in_order(tmp_path):
    run = RunFolder(tmp_path)
    (run.path / "replicate_0" / "round_02_backup").mkdir(parents=True)
    (run.path / "replicate_0" / "round_07").write_text("")
    for number in (11, 2, 0):
        (run.replicate(0).round(number).path / "branches" / "random_mask").mkdir(parents=True)
    rounds = [folder.round_number for folder in run.replicate(0).rounds()]
    branches = [(f.round_number, f.branch_name) for f in run.replicate(0).round(2).branches()]
    assert rounds == [0, 2, 11] and branches == [(2, "random_mask")]
    assert [replicate.number for replicate in run.replicates()] == [0]


def test_what_a_run_was_trained_on_is_its_content_not_a_spelling(tmp_path):
    images = {"name": "folder:pics:train", "digest": "abc", "count": 3}

    def claim(dataset, found, **options):
        config = configs.from_options({"dataset": dataset, **options})
        used = {"dataset": dataset, "resolution": config.data.resolution}
        RunFolder(tmp_path / "run").claim(config, used, found)

    claim("folder:pics", images)
    for dataset in ("folder:pics/", "folder:/elsewhere/pics"):
        claim(dataset, {**images, "name": dataset})
    with pytest.raises(RunFolderError, match="was trained on other images"):
        claim("folder:pics", {**images, "digest": "other"})
    with pytest.raises(RunFolderError, match="--resolution is 32 there and 16 here"):
        claim("folder:pics/", images, resolution=16)
    with pytest.raises(RunFolderError, match="--dataset is folder:"):
        claim("digits", images)


def test_who_is_refused_for_other_images_changes_nothing(tmp_path):
    RunFolder(tmp_path).claim(configs.from_options({"rounds": 3}), {}, {"digest": "a"})
    with pytest.raises(RunFolderError, match="was trained on other images"):
        RunFolder(tmp_path).claim(configs.from_options({"rounds": 9}), {}, {"digest": "b"})
    assert RunFolder(tmp_path).read_config().lottery.rounds == 3


def test_pictures_that_scores_are_made_of_must_stay_too(tmp_path):
    images = {"name": "a", "digest": "abc", "count": 3}
    run = RunFolder(tmp_path / "run")
    config = configs.from_options({})
    run.claim(config, {}, images)  # an earlier version
    run.claim(config, {}, {**images, "test_digest": "1"})
    run = RunFolder(tmp_path / "new")
    run.claim(config, {}, {**images, "test_digest": "1"})
    with pytest.raises(RunFolderError, match="was scored on other images"):
        run.claim(config, {}, {**images, "test_digest": "2"})


@pytest.mark.parametrize("other", ["./nets/resnet", "/data/nets/resnet/", "../nets/resnet"])
def test_a_feature_network_is_its_content_not_the_path_to_it(tmp_path, other):
    options = {"feature_network": "nets/resnet", "dataset": "folder:pictures"}
    RunFolder(tmp_path).claim(configs.from_options(options), used={**options, "steps": 3})
    options = {"feature_network": other, "dataset": "folder:/data/pictures"}
    RunFolder(tmp_path).claim(configs.from_options(options), used={**options, "steps": 3})


@pytest.mark.parametrize("other", ["nets/vgg", "https://example.org/resnet", None])
def test_another_feature_network_is_refused_by_name(tmp_path, other):
    RunFolder(tmp_path).claim(configs.from_options({"feature_network": "nets/resnet"}))
    with pytest.raises(RunFolderError, match="--feature_network is nets/resnet there"):
        RunFolder(tmp_path).claim(configs.from_options({"feature_network": other}))


def test_a_record_of_images_without_their_digest_is_named(tmp_path):
    images = {"name": "npz:a.npz:train", "digest": "1", "count": 3}
    run = RunFolder(tmp_path)
    run.claim(configs.Config(), images=images)
    run.images.put({"name": images["name"], "count": 3})
    with pytest.raises(ArtifactError, match="images.json is broken .it has no field 'digest'"):
        run.claim(configs.Config(), images=images)


def test_other_labels_are_refused_where_labels_were_recorded(tmp_path):
    images = {"name": "npz:a.npz:train", "digest": "1", "count": 3}
    RunFolder(tmp_path / "old").claim(configs.Config(), images=images)
    RunFolder(tmp_path / "old").claim(configs.Config(), images={**images, "labels_digest": "2"})
    RunFolder(tmp_path / "new").claim(configs.Config(), images={**images, "labels_digest": "2"})
    with pytest.raises(RunFolderError, match="was trained on other labels"):
        RunFolder(tmp_path / "new").claim(configs.Config(), images={**images, "labels_digest": "3"})
