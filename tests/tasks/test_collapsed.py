"""A generator that collapsed to one bright picture is scored, so that its run goes on."""

import numpy as np
import pytest


def test_one_bright_picture_is_scored_with_warnings(finished):
    task = finished.bench.task

    def white(latents):
        return np.full([len(latents), 8, 8, 1], 0.9, np.float32)  # no 8-bit value

    with pytest.warns(match="no image has a value below 0"):
        record = task.score_export("generator", white, 0, True)
    said = " ".join(record["warnings"])
    assert "images are alike" in said and "no image has a value below 0" in said
    dense = finished.replicate.round(0).scores.get()["generator"]
    assert record["protocol"] == dense["protocol"]
    assert np.isfinite(record["fid"]) and record["fid"] > dense["fid"]
