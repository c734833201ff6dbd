"""The peers: SORT, ByteTrack, OC-SORT and BoT-SORT of Roboflow's `trackers` (Apache-2.0), fed with the same detections.

Published defaults are the package's own. Their buffers are told in frames at 30 a second and scaled by the package to
`frame_rate` = 16; the time of each frame is given, so that gaps and variable rates are known to them. Confidence is
`Faces.confidence`, in [0, 1] as the defaults expect. BoT-SORT gets the pictures for its camera-motion compensation. The
package's BoT-SORT has no appearance, as none of these has.

Tuning draws from the package's own search spaces, and may besides let a tracker begin anew at each cut, which the
published ones cannot do.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.tracking.clip import Clip, Faces, Runs

RATE = 16.0  # sampled frames a second
Settings = dict[str, Any]


def peers() -> dict[str, type]:
    """Name → tracker class."""
    from trackers import BoTSORTTracker, ByteTrackTracker, OCSORTTracker, SORTTracker

    return {"SORT": SORTTracker, "ByteTrack": ByteTrackTracker, "OC-SORT": OCSORTTracker, "BoT-SORT": BoTSORTTracker}


def peer(name: str, settings: Settings | None = None) -> Runs:
    """One peer as the benchmark runs it.

    Args:
        name: A key of `peers`.
        settings: Arguments of its class other than `frame_rate`; "cuts" tells whether it begins anew at each cut.
    """
    make, settings = peers()[name], dict(settings or {})
    cuts = settings.pop("cuts", False)

    def run(clip: Clip) -> np.ndarray:
        return _run(lambda: make(frame_rate=RATE, **settings), clip, cuts=cuts, pictures=name == "BoT-SORT")

    return run


def draw(name: str, rng: np.random.Generator) -> Settings:
    """Settings at random: each one, with even odds, as published or from the class's search space."""
    settings: Settings = {"cuts": bool(rng.random() < 0.5)}
    for key, space in peers()[name].search_space.items():
        low, high = space["range"]
        drawn = int(rng.integers(low, high)) if space["type"] == "randint" else round(rng.uniform(low, high), 3)
        if rng.random() < 0.5:
            settings[key] = drawn
    return settings


def _run(make: Callable[[], Any], clip: Clip, *, cuts: bool, pictures: bool) -> np.ndarray:
    tracker, first_id, rows = make(), 0, []
    shot_before = 0
    for number, time, shot, faces in clip:
        if cuts and shot != shot_before:
            tracker, first_id = make(), 1 + max((row[1] for row in rows), default=-1)
        shot_before = shot
        frame = {"frame": np.ascontiguousarray(clip.images[number][..., ::-1])} if pictures else {}
        found = tracker.update(_detections(faces), timestamp=time, **frame)
        for track, box in zip(found.tracker_id, found.xyxy, strict=True):
            if track >= 0:
                rows.append((number, first_id + int(track), *box))
    return np.array(rows, np.float64).reshape(-1, 6)


def _detections(faces: Faces) -> Any:
    import supervision

    return supervision.Detections(
        xyxy=faces.boxes, confidence=faces.confidence, class_id=np.zeros(len(faces), np.int64)
    )
