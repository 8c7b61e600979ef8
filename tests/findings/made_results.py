"""Results that were not trained, to judge."""

from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.findings import Result


def result(number, fid, branch="main", replicate=0):
    return Result(
        replicate=replicate,
        round=number,
        branch=branch,
        generator="generator",
        generator_sparsity=1 - 0.8**number,
        discriminator_sparsity=0.0,
        generator_params_left=1,
        protocol="p",
        steps=1,
        seed=0,
        train_seconds=1.0,
        eval_seconds=1.0,
        scores={"fid": fid},
    )


def rows(number, fids, branch="main"):
    return [result(number, fid, branch, replicate) for replicate, fid in enumerate(fids)]


def run_of(path, **options):
    """A run folder of a config, with nothing in it."""
    run = RunFolder(path)
    run.claim(configs.from_options(options))
    return run


def put_scores(run, number, fids, first=0):
    """Scores of a round, from replicate `first` on, as a run would leave them."""
    for replicate, fid in enumerate(fids, first):
        folder = run.replicate(replicate).round(number)
        sparsity = {"sparsity": 1 - 0.8**number, "parameters_left": 1}
        folder.sparsity.put({"generator": sparsity})
        folder.training.put({"steps": 1, "seed": 0, "train_seconds": 1.0})
        folder.scores.put({"generator": {"fid": fid, "protocol": "p", "eval_seconds": 1.0}})
