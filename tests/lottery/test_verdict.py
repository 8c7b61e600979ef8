import dataclasses

import pytest

from tf_gan_lth.experiment.errors import EvaluationError
from tf_gan_lth.lottery import Result, judge


def result(number, fid, branch="main", replicate=0):
    return Result(replicate, number, branch, 1 - 0.8**number, 0.0, 1, fid, 0.0, 1.0, "p", 1, 0, 1.0, 1.0)


def test_the_sparsest_matching_round_is_found():
    verdict = judge([result(0, 20), result(1, 19), result(2, 21.9), result(3, 22.1)])
    assert verdict.matching == 2
    assert "at 36.0% sparsity (round 2) the ticket matches the dense GAN: FID 21.9 vs 20.0 in one replicate" in verdict.sentence


def test_no_match_is_said():
    verdict = judge([result(0, 20), result(1, 30)])
    assert verdict.matching is None and "no ticket matches the dense GAN (FID 20.0" in verdict.sentence


def test_several_replicates_set_the_limit_by_their_spread():
    dense = [result(0, fid, replicate=k) for k, fid in enumerate([19, 20, 21])]
    tickets = [result(1, fid, replicate=k) for k, fid in enumerate([20, 21, 21.9])] + [
        result(2, fid, replicate=k) for k, fid in enumerate([20, 22, 22])
    ]
    verdict = judge(dense + tickets)
    assert verdict.matching == 1 and verdict.limit == 21 and "FID 21.0 vs 20.0 +- 1.00 over 3 replicates" in verdict.sentence


def test_controls_are_named_at_the_sparsest_round_that_has_them():
    rows = [result(0, 20), result(1, 20), result(1, 25, "random_mask"), result(1, 30, "random_init"), result(2, 40)]
    assert judge(rows).sentence.endswith("At 20.0% sparsity (round 1): ticket 20.0, random_init 30.0, random_mask 25.0.")


def test_scores_of_different_protocols_are_not_compared():
    with pytest.raises(EvaluationError, match="p, q"):
        judge([result(0, 20), dataclasses.replace(result(1, 20), protocol="q")])


def test_a_dense_run_alone_is_judged():
    assert judge([result(0, 20)]).matching is None
