"""What goes into the tracker: the boxes found in one frame, how sure and how alike they look."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facevlm.errors import InputError


@dataclass(frozen=True)
class DetectedBoxes:
    """The faces found in one frame, in any order. What else belongs to a face (key points, a mesh) stays with the
    caller: the tracker names each face by its number here.

    Attributes:
        boxes: float64 (N, 4) xyxy, pixels of the frame.
        scores: float64 (N,) confidence in [0, 1].
        features: float64 (N, D) appearance vectors of unit norm; rows of NaN where a face has none. D is 0 when none
            has.
        may_start: bool (N,) whether a face that is no known track's may start one.
        hints: Ids of the tracks each face may belong to because it was found by following them, N sets.
    """

    boxes: np.ndarray
    scores: np.ndarray
    features: np.ndarray
    may_start: np.ndarray
    hints: tuple[frozenset[int], ...]

    def __len__(self) -> int:
        return len(self.boxes)

    @classmethod
    def of(
        cls,
        boxes: np.ndarray,
        scores: np.ndarray,
        *,
        features: np.ndarray | None = None,
        may_start: np.ndarray | None = None,
        hints: Sequence[frozenset[int]] | None = None,
    ) -> "DetectedBoxes":
        """Check and complete what a detector gives.

        Args:
            boxes: float (N, 4) xyxy pixels.
            scores: float (N,).
            features: float (N, D) of any length, or None; made unit length here.
            may_start: bool (N,), default all True.
            hints: N sets of ids, default none.

        Raises:
            InputError: An array has another shape, the numbers of rows differ, a box or score is not finite, a box has
                no area, or a vector is finite in part.
        """
        boxes, scores = np.asarray(boxes, np.float64), np.asarray(scores, np.float64).reshape(-1)
        if boxes.size and (boxes.ndim != 2 or boxes.shape[1] != 4):
            raise InputError(f"boxes of shape {boxes.shape}", where="boxes", mend="give x0, y0, x1, y1 of each")
        boxes = boxes.reshape(-1, 4)
        n = len(boxes)
        vectors = np.zeros((n, 0)) if features is None else np.asarray(features, np.float64)
        start = np.ones(n, bool) if may_start is None else np.asarray(may_start, bool)
        known = (frozenset[int](),) * n if hints is None else tuple(hints)
        lengths = {"scores": len(scores), "features": len(vectors), "may_start": len(start), "hints": len(known)}
        for name, length in lengths.items():
            if length != n:
                raise InputError(f"{length} rows for {n} boxes", where=name, mend="give one row per box")
        for name, values in (("boxes", boxes), ("scores", scores)):
            if not np.isfinite(values).all():
                raise InputError(f"not finite: {values[~np.isfinite(values)][:1]}", where=name, mend="drop such faces")
        if (boxes[:, 2:] <= boxes[:, :2]).any():
            empty = boxes[(boxes[:, 2:] <= boxes[:, :2]).any(1)][0].tolist()
            raise InputError(f"{empty} has no area", where="boxes", mend="give x0, y0, x1, y1 with x0 < x1, y0 < y1")
        if vectors.ndim != 2:
            raise InputError(f"vectors of shape {vectors.shape}", where="features", mend="give one row per box")
        if (~np.isfinite(vectors).all(1) & ~np.isnan(vectors).all(1)).any():
            raise InputError("a vector is finite in part", where="features", mend="give NaN throughout for no vector")
        lengths_of = np.linalg.norm(vectors, axis=1, keepdims=True)
        return cls(boxes, scores, vectors / np.where(lengths_of > 0, lengths_of, 1), start, known)

    def __getitem__(self, rows: np.ndarray) -> "DetectedBoxes":
        return DetectedBoxes(
            self.boxes[rows],
            self.scores[rows],
            self.features[rows],
            self.may_start[rows],
            tuple(self.hints[j] for j in rows),
        )
