"""The best ticket that `tf-gan-lth runs` shows is that of the verdict."""

import pytest
from made_results import put_scores, run_of

from tf_gan_lth import findings
from tf_gan_lth.experiment import inventory

SCORES = {
    "all within": [[10, 10.1], [10, 10.2], [10.2, 10.1]],
    "the last is worse": [[10, 10.01, 10.02], [10, 10.01, 10.01], [30, 30.1, 30.2]],
    "one match": [[10, 10.01, 10.02], [10, 10.01, 10.03], [9, 12, 11]],
    "a match behind a worse one": [[10, 10.01, 10.02], [30, 30.1, 30.2], [10, 10.01, 10.03]],
    "slightly worse": [[10, 10.001, 10.002], [10.4, 10.401, 10.402], [10.4, 10.401, 10.402]],
    "none": [[10], [20], [30]],
    "one replicate": [[10], [10.5], [12]],
}


@pytest.mark.parametrize("name", SCORES)
def test_it_is_the_verdicts(name, tmp_path):
    fids = SCORES[name]
    run = run_of(tmp_path, rounds=2, replicates=len(fids[0]))
    for number, each in enumerate(fids):
        put_scores(run, number, each)
    _, verdicts = findings.write_results(run)
    verdict = verdicts["generator"]
    best = inventory.survey(tmp_path).best
    assert [ticket.round for ticket in best] == ([] if verdict.best is None else [verdict.best])
    for ticket in best:
        comparison = verdict.comparisons[ticket.round, "main"]
        assert (ticket.fid, ticket.verdict) == (comparison.fid_mean, comparison.verdict)
