"""Score tracks with TrackEval: HOTA (Luiten et al. 2021), IDF1 (Ristani et al. 2016), MOTA (Bernardin et al. 2008).

Ignored are faces of which less than `MIN_VISIBLE` can be seen, as MOTChallenge ignores its distractors: rows that lie
on them (IoU 0.5, after all rows are matched to all faces) or mostly inside them count neither for nor against.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from benchmarks.tracking.clip import Truth

MIN_VISIBLE = 0.5  # share of a face's box that must be inside the frame and not covered
SAME = 0.5  # IoU
INSIDE = 0.5  # share of a row's area inside an ignored face from which it is left out
FIGURES = ("HOTA", "IDF1", "MOTA", "IDSW")  # per cent, per cent, per cent, count
REPEATS = 1000


@dataclass(frozen=True)
class Score:
    """TrackEval's results for one clip, or for several together: metric -> field -> number or array."""

    parts: dict[str, dict[str, Any]]

    @property
    def figures(self) -> dict[str, float]:
        """HOTA, DetA, AssA, IDF1 and MOTA in per cent; IDSW, misses and false rows as counts."""
        hota, clear, identity = (self.parts[name] for name in ("HOTA", "CLEAR", "Identity"))
        return {
            "HOTA": 100 * float(np.mean(hota["HOTA"])),
            "DetA": 100 * float(np.mean(hota["DetA"])),
            "AssA": 100 * float(np.mean(hota["AssA"])),
            "IDF1": 100 * float(identity["IDF1"]),
            "MOTA": 100 * float(clear["MOTA"]),
            "IDSW": int(clear["IDSW"]),
            "FN": int(clear["CLR_FN"]),
            "FP": int(clear["CLR_FP"]),
        }


def score(truth: Truth, rows: np.ndarray, frames: int) -> Score:
    """Score one clip.

    Args:
        truth: Who is where.
        rows: float (R, 6) frame number, id, x0, y0, x1, y1.
        frames: Number of frames.

    Raises:
        ValueError: An id comes twice in one frame.
    """
    data = _compared(truth, rows, frames)
    return Score({name: metric.eval_sequence(data) for name, metric in _metrics().items()})


def together(scores: Sequence[Score]) -> Score:
    """Several clips as one result, as TrackEval combines sequences."""
    metrics = _metrics()
    return Score(
        {
            name: metric.combine_sequences({str(i): s.parts[name] for i, s in enumerate(scores)})
            for name, metric in metrics.items()
        }
    )


def bootstrap(scores: dict[str, dict[str, list[Score]]], *, repeats: int = REPEATS) -> dict[str, dict[str, np.ndarray]]:
    """Totals of each tracker when the scenes are drawn anew with replacement, all trackers from the same draws.

    Args:
        scores: tracker -> scene -> score of each seed. All trackers have the same scenes.
        repeats: Number of draws.

    Returns:
        tracker -> figure -> float (repeats,).
    """
    scenes = sorted(next(iter(scores.values())))
    draws = np.random.default_rng(0).integers(0, len(scenes), (repeats, len(scenes)))
    counts = np.stack([np.bincount(draw, minlength=len(scenes)) for draw in draws]).astype(float)
    return {tracker: _totals(counts, [together(of[scene]) for scene in scenes]) for tracker, of in scores.items()}


def _totals(counts: np.ndarray, scores: list[Score]) -> dict[str, np.ndarray]:
    """What `together` gives for scenes taken several times: counts float (B, S) → figure → float (B,)."""
    hota, clear, identity = ([s.parts[name] for s in scores] for name in ("HOTA", "CLEAR", "Identity"))
    tp, fn, fp = (counts @ np.stack([part[f"HOTA_{x}"] for part in hota]) for x in ("TP", "FN", "FP"))  # (B, alphas)
    association = counts @ np.stack([part["AssA"] * part["HOTA_TP"] for part in hota]) / np.maximum(tp, 1)
    detection = tp / np.maximum(tp + fn + fp, 1)
    idtp, idfn, idfp = (counts @ np.array([part[f"ID{x}"] for part in identity]) for x in ("TP", "FN", "FP"))
    found, missed, false = (counts @ np.array([part[f"CLR_{x}"] for part in clear]) for x in ("TP", "FN", "FP"))
    switches = counts @ np.array([part["IDSW"] for part in clear])
    return {
        "HOTA": 100 * np.sqrt(detection * association).mean(1),
        "IDF1": 100 * idtp / np.maximum(idtp + 0.5 * (idfn + idfp), 1),
        "MOTA": 100 * (found - false - switches) / np.maximum(found + missed, 1),
        "IDSW": switches,
    }


def _metrics() -> dict[str, Any]:
    from trackeval.metrics import CLEAR, HOTA, Identity

    quiet = {"PRINT_CONFIG": False}
    return {"HOTA": HOTA(), "CLEAR": CLEAR(quiet), "Identity": Identity(quiet)}


def _compared(truth: Truth, rows: np.ndarray, frames: int) -> dict[str, Any]:
    """The dictionary that TrackEval's metrics take, of one clip."""
    ids, similarity, people = [], [], []
    for number in range(frames):
        of_frame = rows[rows[:, 0] == number]
        if len(np.unique(of_frame[:, 1])) < len(of_frame):
            raise ValueError(f"an id comes twice in frame {number}")
        there = truth.frames == number
        overlap, area = overlaps(truth.boxes[there], of_frame[:, 2:])
        counted = truth.visible[there] >= MIN_VISIBLE
        kept = _counted_rows(overlap, area, counted)
        people.append(truth.people[there][counted])
        ids.append(of_frame[kept, 1].astype(np.int64))
        similarity.append(overlap[counted][:, kept])
    people, ids = _numbered(people), _numbered(ids)
    return {
        "gt_ids": people,
        "tracker_ids": ids,
        "similarity_scores": similarity,
        "num_timesteps": frames,
        "num_gt_ids": len(np.unique(np.concatenate(people))) if frames else 0,
        "num_tracker_ids": len(np.unique(np.concatenate(ids))) if frames else 0,
        "num_gt_dets": sum(map(len, people)),
        "num_tracker_dets": sum(map(len, ids)),
        "seq": "",
    }


def _counted_rows(overlap: np.ndarray, inside: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """bool (R,): all rows but those on or mostly in ignored faces.

    Args:
        overlap: float (F, R) IoU of faces and rows.
        inside: float (F, R) share of the row inside the face's box.
        counted: bool (F,) whether the face counts.
    """
    kept = np.ones(overlap.shape[1], bool)
    free = np.ones(overlap.shape[1], bool)
    good = np.where(overlap >= SAME, overlap, 0)
    for face, row in zip(*linear_sum_assignment(-good), strict=True):
        if good[face, row] > 0:
            free[row], kept[row] = False, counted[face]
    kept[free & (inside[~counted] > INSIDE).any(0)] = False
    return kept


def overlaps(faces: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """IoU of float (F, 4) and (R, 4) boxes, and share of each row inside each face: float (F, R) both."""
    low, high = np.maximum(faces[:, None, :2], rows[None, :, :2]), np.minimum(faces[:, None, 2:], rows[None, :, 2:])
    shared = (high - low).clip(0).prod(2)
    of_face, of_row = ((boxes[:, 2:] - boxes[:, :2]).prod(1) for boxes in (faces, rows))
    return shared / (of_face[:, None] + of_row[None] - shared), shared / np.maximum(of_row, 1e-9)[None]


def _numbered(ids: list[np.ndarray]) -> list[np.ndarray]:
    """Ids of each frame → the same, numbered from 0 without gaps."""
    known = np.unique(np.concatenate(ids)) if ids else np.zeros(0)
    return [np.searchsorted(known, of_frame) for of_frame in ids]
