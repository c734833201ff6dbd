"""The score of an event: the probability that it is true, by a logistic model fitted on puppets.

Features: how far the level lies beyond the action's threshold, how long it lasts, how large and how frontal the face
is, and one offset per action. Fitted and measured by `benchmarks/puppet_events.py calibrate`; the numbers are package
data.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from facevlm.expression.candidate import Candidate
from facevlm.expression.event import SignalTable
from facevlm.expression.grades import GRADES

CALIBRATION_FILE = Path(__file__).with_name("score_calibration.json")
FEATURES = ("level", "duration", "size", "turned")
WEIGHT_DECAY = 0.02  # on all weights: actions with few events stay near the common offset
LONGEST_S = 1.0  # seconds; longer says no more


def features(candidate: Candidate, table: SignalTable) -> np.ndarray:
    """float64 (4,) in the order of `FEATURES`, each about -2..2."""
    inside = (table.times >= candidate.t0 - 0.05) & (table.times <= candidate.t1 + 0.05)
    if not inside.any():
        inside = np.ones(len(table.times), bool)
    size = float(np.median(table.values["size"][inside]))
    yaw = float(np.median(np.abs(table.values["yaw"][inside])))
    return np.array(
        [
            np.log(max(candidate.level, 1e-6) / GRADES[candidate.action].clear) * 2,
            np.log((min(candidate.t1 - candidate.t0, LONGEST_S) + 0.05) / 0.5),
            np.log(size / 100).clip(-2, 1),
            -yaw / 20,
        ]
    )


def score(row: np.ndarray, action: str) -> float:
    """Probability in [0, 1] that an event with these features is true."""
    model = _model()
    z = (
        model["offset"]
        + model["actions"].get(action, 0.0)
        + float(np.dot(row, [model["weights"][f] for f in FEATURES]))
    )
    return float(1 / (1 + np.exp(-z)))


def fit(rows: np.ndarray, actions: list[str], good: np.ndarray) -> dict[str, Any]:
    """Fit the model by regularised maximum likelihood.

    Args:
        rows: float (N, 4) features.
        actions: N names.
        good: bool (N,), which events are true.
    """
    from scipy.optimize import minimize  # slow to import, and needed for fitting only

    names = sorted(set(actions))
    number = np.array([names.index(a) for a in actions])

    def loss(theta: np.ndarray) -> float:
        z = theta[0] + theta[1 : 1 + len(names)][number] + rows @ theta[1 + len(names) :]
        return float(np.mean(np.logaddexp(0, z) - good * z) + WEIGHT_DECAY / 2 * np.mean(theta[1:] ** 2))

    theta = minimize(loss, np.zeros(1 + len(names) + len(FEATURES))).x
    _model.cache_clear()
    return {
        "offset": round(float(theta[0]), 4),
        "weights": {f: round(float(w), 4) for f, w in zip(FEATURES, theta[1 + len(names) :], strict=True)},
        "actions": {n: round(float(w), 4) for n, w in zip(names, theta[1:], strict=False)},
    }


@cache
def _model() -> dict[str, Any]:
    model: dict[str, Any] = json.loads(CALIBRATION_FILE.read_text())
    return model
