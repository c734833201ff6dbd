"""Vectors of faces as answerer to "is it the same person?": the cosine of two clips' mean vectors, as a number in text.

The default vector tells faces of one video apart and recognises nobody; an ONNX embedder, by path, identifies people.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from facevlm.answering.shown_frames import RECIPE, shown_frames
from facevlm.errors import FacevlmError, InputError, ReplyError
from facevlm.evaluation.answers import Footage, Question
from facevlm.faces.align import aligned_crop
from facevlm.faces.detect import find_detector
from facevlm.faces.embed import AppearanceDescriptor, Embedder, OnnxEmbedder
from facevlm.faces.mesh import MESHES, Roi
from facevlm.tracking.saved_key import sha256_of

PRESENCE = 0.5  # of the mesh, from which a face counts as seen


class FaceVectors:
    """Answers with similarities in -1 .. 1; see `Answerer`. In each frame the largest face is taken.

    Args:
        path: An ONNX file of the ArcFace kind; None for the descriptor of colour and shading.
        frames: Of each clip.

    Raises:
        UsageError: There is no such file.
        MissingExtraError: onnxruntime is not installed.
        WeightsError: The file is no embedder.
    """

    group = 1

    def __init__(self, path: str | Path | None = None, *, frames: int = 8) -> None:
        self._frames = frames
        self._embedder: Embedder = AppearanceDescriptor() if path is None else OnnxEmbedder(path)
        self._revision = "as packaged" if path is None else sha256_of(Path(path))
        self._name = "appearance descriptor" if path is None else f"onnx {Path(path).name}"

    @property
    def card(self) -> Mapping[str, Any]:
        """What the similarities depend on."""
        crops = f"{RECIPE}; largest face, aligned to 112x112"
        return {"model": self._name, "revision": self._revision, "frames": self._frames, "crops": crops}

    def answer(self, questions: Sequence[Question]) -> list[str | FacevlmError]:
        """The cosine of both clips of each question, to six digits."""
        return [self._similarity(question) for question in questions]

    def _similarity(self, question: Question) -> str | FacevlmError:
        try:
            first, second = (self._vector(clip) for clip in question.footage)
        except (ReplyError, InputError) as error:
            return error
        return f"{float(first @ second):.6f}"

    def _vector(self, clip: Footage) -> np.ndarray:
        """float32 (D,) of unit norm."""
        crops = [crop for frame in shown_frames(clip, self._frames) if (crop := self._largest(frame)) is not None]
        if not crops:
            raise ReplyError("no face was found", where=clip.path)
        total = self._embedder.embed(np.stack(crops)).sum(axis=0)
        return total / max(float(np.linalg.norm(total)), 1e-12)

    def _largest(self, frame: np.ndarray) -> np.ndarray | None:
        found = self._detector.detect(frame)
        best = max(zip(found.boxes, found.keypoints, strict=True), key=lambda face: _area(face[0]), default=None)
        if best is None:
            return None
        rough = self._mesh.fit(frame, Roi.from_detection(*best))
        fit = self._mesh.fit(frame, Roi.from_landmarks(rough.landmarks))
        return aligned_crop(frame, fit.landmarks) if fit.presence >= PRESENCE else None

    @cached_property
    def _detector(self) -> Any:
        return find_detector("whole")()

    @cached_property
    def _mesh(self) -> Any:
        return MESHES["attention"]()


def _area(box: np.ndarray) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))
