"""StrongSORT: the Kalman filter, the tracker with each part on and off, AFLink, GSI."""

import re
from dataclasses import replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from facevlm.tracking import DEEPSORT, DetectedBoxes, StrongSort, StrongSortConfig
from facevlm.tracking.aflink import network_input
from facevlm.tracking.interpolation import filled, smoothed
from facevlm.tracking.kalman import Beliefs, KalmanConfig, KalmanFilter
from tests.parity.golden import Golden

PAPER = StrongSortConfig(frame_s=1.0)
_MATCHING = PAPER.association
CONFIGS = {
    "deepsort": replace(DEEPSORT, frame_s=1.0),
    "strongsort": PAPER,
    "strongsort_ecc": PAPER,
    "without_NSA": replace(PAPER, kalman=KalmanConfig(nsa=False)),
    "without_EMA": replace(PAPER, ema=None, gallery=100),
    "without_MC": replace(PAPER, association=replace(_MATCHING, appearance_weight=1.0, max_cost=0.4)),
    "without_woC": replace(PAPER, association=replace(_MATCHING, cascade_depth=30)),
}


def check(golden: Golden) -> None:
    """Compare everything that is in the file."""
    for variant in {m[1] for key in golden.keys if (m := re.match(r"kalman\.(plain|nsa)\.", key))}:
        _kalman(golden, variant)
    for key in sorted(golden.keys):
        if match := re.fullmatch(r"(tracker\.(?:.+\.)?)(\w+)_rows", key):
            _tracker(golden, scene=match[1], variant=match[2])
    if "gsi.input" in golden.keys:
        golden.compare("gsi.linear", filled(golden.input("gsi.input")))
        golden.compare("gsi.output", smoothed(golden.expected("gsi.linear")))
    if "aflink.track1" in golden.keys:
        _aflink(golden)


def _kalman(golden: Golden, variant: str) -> None:
    """Measure, predict, gate, measure ..."""
    measured, confidence = golden.input("kalman.measurements_xyah"), golden.input("kalman.confidence")
    kalman = KalmanFilter(KalmanConfig(nsa=variant == "nsa"))
    states, expected = [kalman.first(measured[:1])], []
    for k in range(1, len(measured)):
        expected.append(kalman.predict(states[-1]))
        states.append(kalman.update(expected[-1], measured[k : k + 1], confidence[k : k + 1]))
    golden.compare(f"kalman.{variant}.mean", Beliefs.of(states).mean)
    golden.compare(f"kalman.{variant}.cov", Beliefs.of(states).covariance)
    golden.compare(f"kalman.{variant}.predicted_mean", Beliefs.of(expected).mean)
    golden.compare(f"kalman.{variant}.gating_after_predict", kalman.distances(Beliefs.of(expected), measured))


def _tracker(golden: Golden, *, scene: str, variant: str) -> None:
    """One scene, frame by frame, with one set of options; a set of another name stays uncovered."""
    if variant not in CONFIGS:
        return
    detections, wanted = golden.input(f"{scene}detections"), golden.expected(f"{scene}{variant}_rows")
    camera = None
    if variant.endswith("_ecc"):
        own = f"{scene}ecc_matrix"
        camera = golden.input(own if own in golden.keys else "tracker.ecc_matrix")
    tracker, rows = StrongSort(CONFIGS[variant]), []
    start, end = detections[:, 0].min(), max(detections[:, 0].max(), wanted[:, 0].max(initial=0))
    for frame in np.arange(start, end + 1):
        here = detections[detections[:, 0] == frame]
        boxes = np.concatenate([here[:, 2:4], here[:, 2:4] + here[:, 4:6]], axis=1)
        faces = DetectedBoxes.of(boxes, here[:, 6], features=here[:, 10:])
        for t in tracker.update(faces, float(frame), camera_matrix=camera if frame > start else None):
            rows.append([frame, t.track_id, *t.box[:2], *(t.box[2:] - t.box[:2])])
    golden.compare(f"{scene}{variant}_rows", _renamed(np.array(rows).reshape(-1, 6), wanted))


def _renamed(rows: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Rows in the order of the wanted ones, with their ids: each own id takes the name of the first row it meets.

    Rows that cannot be put in that order stay as they are.
    """
    if sorted(rows[:, 0]) != sorted(wanted[:, 0]):
        return rows
    ordered = np.empty_like(rows)
    for frame in np.unique(rows[:, 0]):
        mine, theirs = np.flatnonzero(rows[:, 0] == frame), np.flatnonzero(wanted[:, 0] == frame)
        distance = np.abs(rows[mine, None, 2:] - wanted[None, theirs, 2:]).sum(-1)
        own, other = linear_sum_assignment(distance)
        ordered[theirs[other]] = rows[mine[own]]
    names: dict[float, float] = {}
    for row, other in zip(ordered, wanted, strict=True):
        taken = other[1] in names.values()
        row[1] = names.setdefault(row[1], -1.0 if taken else other[1])
    return ordered


def _aflink(golden: Golden) -> None:
    """The network with weights by recipe, and what it is given."""
    import torch

    from facevlm.tracking.aflink_network import AFLinkNetwork

    network = AFLinkNetwork().eval()
    state = network.state_dict()
    for key, tensor in state.items():
        if tensor.is_floating_point():
            state[key] = torch.from_numpy(np.asarray(golden.weight(f"aflink.{key}", tuple(tensor.shape))))
    network.load_state_dict(state)
    one, other = network_input(golden.input("aflink.track1"), golden.input("aflink.track2"))
    golden.compare("aflink.x1", one[None])
    golden.compare("aflink.x2", other[None])
    with torch.inference_mode():
        logits = network(*(torch.from_numpy(x.astype(np.float32))[None] for x in (one, other)))
    golden.compare("aflink.prob", torch.softmax(logits, dim=1).numpy())
