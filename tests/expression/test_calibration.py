"""Scores are probabilities, rise with the evidence, and are fitted as promised."""

import json

import numpy as np
import pytest

from facevlm.expression.calibration import CALIBRATION_FILE, FEATURES, fit, score
from facevlm.expression.grades import GRADES


@pytest.mark.parametrize("action", sorted(GRADES))
def test_scores_are_probabilities_and_rise_with_the_level(action):
    scores = [score(np.array([level, 0.0, 0.0, 0.0]), action) for level in (-2.0, 0.0, 2.0)]
    assert 0 < scores[0] < scores[1] < scores[2] < 1


def test_the_shipped_model_is_whole():
    model = json.loads(CALIBRATION_FILE.read_text())
    assert set(model["weights"]) == set(FEATURES) and set(model["actions"]) <= set(GRADES)
    assert all(np.isfinite(v) for v in [model["offset"], *model["weights"].values(), *model["actions"].values()])


def test_a_fit_finds_what_made_the_truth():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(4000, len(FEATURES)))
    actions = rng.choice(["blink", "smile"], 4000).tolist()
    z = 0.5 + 1.5 * rows[:, 0] + np.where(np.array(actions) == "smile", 1.0, -1.0)
    good = rng.random(4000) < 1 / (1 + np.exp(-z))
    model = fit(rows, actions, good)
    assert model["weights"]["level"] == pytest.approx(1.5, abs=0.25)
    assert abs(model["weights"]["size"]) < 0.15
    assert model["actions"]["smile"] - model["actions"]["blink"] == pytest.approx(2.0, abs=0.35)
