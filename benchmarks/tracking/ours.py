"""Our trackers as the benchmark runs them: on the detections that all get, no mesh carried on to the next frame."""

from dataclasses import replace

import numpy as np

from benchmarks.tracking.clip import Clip, Faces, Runs
from facevlm.tracking.relink import RelinkConfig
from facevlm.tracking.track import FaceObservation
from facevlm.tracking.tracker import Tracker, TrackerConfig


def tracker(config: TrackerConfig | None = None, *, offline: bool = True) -> Runs:
    """`facevlm.tracking.tracker.Tracker`.

    Args:
        config: Its settings.
        offline: Whether ids are those after the last frame: short tracks left out, people who came back re-linked. Else
            they are what a viewer sees live.
    """

    def run(clip: Clip) -> np.ndarray:
        follows, rows = Tracker(clip.size, config), []
        for number, time, shot, faces in clip:
            for face in follows.update(time, shot, _observations(faces)):
                rows.append((number, face.track_id, *face.box))
        table = np.array(rows, np.float64).reshape(-1, 6)
        if not offline:
            return table
        person = {part: summary.track_id for summary in follows.finish() for part in summary.parts}
        kept = np.array([track in person for track in table[:, 1]], bool)
        table = table[kept]
        table[:, 1] = [person[track] for track in table[:, 1]]
        return table

    return run


def _observations(faces: Faces) -> list[FaceObservation]:
    return [
        FaceObservation(box, mesh, float(presence), float(score), vector)
        for box, mesh, presence, score, vector in zip(
            faces.boxes, faces.landmarks, faces.presence, faces.scores, faces.vectors, strict=True
        )
    ]


OURS: dict[str, Runs] = {
    "facevlm": tracker(),
    "facevlm, live ids": tracker(offline=False),
    "facevlm without appearance": tracker(
        replace(
            TrackerConfig(), association=replace(TrackerConfig().association, appearance_weight=0.0, max_appearance=2.0)
        )
    ),
    "facevlm without re-linking": tracker(replace(TrackerConfig(), relink=replace(RelinkConfig(), min_similarity=2.0))),
}
