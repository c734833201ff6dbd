"""Fit the 478-point attention mesh to a face: rotated crop, two networks, the attention between them in numpy.

Follows Grishchenko et al. 2020 ("Attention Mesh") and MediaPipe's `face_landmark` graph for the region of interest: the
bounding box of the landmarks (or of the detection), turned along the eyes, square, times 1.5.
"""

from functools import cache
from typing import Protocol

import cv2
import numpy as np

from facevlm.faces.attention_graph import AttentionGraph, Region, cut
from facevlm.faces.faces import FaceMesh
from facevlm.faces.runtime import start
from facevlm.faces.weights import load

CROP = 192  # pixels, side of the network's input
GRID = 48  # cells, side of the feature map: CROP / 4
EYE_CORNERS = (33, 263)  # outer corners: subject's right, subject's left
ROI_SCALE = 1.5  # side of the region of interest / longer side of the landmarks' bounding box


class MeshFitter(Protocol):
    """Fits the 478-point mesh to one face."""

    def fit(self, image: np.ndarray, roi: "Roi") -> FaceMesh:
        """Fit the mesh inside a region of interest of an image (uint8 (H, W, 3) RGB)."""
        ...


class Roi:
    """A turned square in a frame: centre (x, y) and side in pixels, angle in radians (clockwise in the picture)."""

    __slots__ = ("angle", "side", "x", "y")

    def __init__(self, x: float, y: float, side: float, angle: float) -> None:
        self.x, self.y, self.side, self.angle = x, y, side, angle

    @classmethod
    def from_landmarks(cls, landmarks: np.ndarray) -> "Roi":
        """Region around a mesh of an earlier frame; landmarks float (478, 3), pixels."""
        low, high = landmarks[:468, :2].min(0), landmarks[:468, :2].max(0)
        right, left = landmarks[EYE_CORNERS[0]], landmarks[EYE_CORNERS[1]]
        return cls._around(low, high, right, left)

    @classmethod
    def from_detection(cls, box: np.ndarray, keypoints: np.ndarray) -> "Roi":
        """Region around a detection; box float (4,) xyxy, keypoints float (K, 2) with the eyes first, pixels."""
        return cls._around(box[:2], box[2:], keypoints[0], keypoints[1])

    @classmethod
    def from_box(cls, box: np.ndarray) -> "Roi":
        """Upright region around a face whose eyes are not known; box float (4,) xyxy pixels."""
        x, y = (box[:2] + box[2:]) / 2
        return cls(float(x), float(y), float(max(box[2:] - box[:2])) * ROI_SCALE, 0.0)

    @classmethod
    def _around(cls, low: np.ndarray, high: np.ndarray, right_eye: np.ndarray, left_eye: np.ndarray) -> "Roi":
        centre, side = (low + high) / 2, float(max(high - low)) * ROI_SCALE
        dx, dy = float(left_eye[0] - right_eye[0]), float(left_eye[1] - right_eye[1])
        return cls(float(centre[0]), float(centre[1]), side, float(np.arctan2(dy, dx)))

    def matrix(self) -> np.ndarray:
        """float64 (2, 3): crop pixels (0..192) → frame pixels."""
        scale = self.side / CROP
        cos, sin = np.cos(self.angle) * scale, np.sin(self.angle) * scale
        half = CROP / 2
        return np.array([[cos, -sin, self.x - cos * half + sin * half], [sin, cos, self.y - sin * half - cos * half]])


class AttentionMesh:
    """MediaPipe's attention mesh, run by LiteRT.

    Args:
        threads: Threads of the networks; one is the fastest when decoding runs beside.

    Raises:
        WeightsError: The weights are missing or not the pinned file.
    """

    def __init__(self, *, threads: int = 1) -> None:
        self._graph = _graph_of_weights()
        self._trunk = Network(self._graph.trunk, threads)
        self._heads = Network(self._graph.heads, threads)

    def fit(self, image: np.ndarray, roi: Roi) -> FaceMesh:
        """Fit the mesh.

        Args:
            image: uint8 (H, W, 3) RGB.
            roi: Region of interest around the face.

        Returns:
            The mesh in pixels of the image.
        """
        matrix = roi.matrix()
        crop = cv2.warpAffine(
            image, matrix, (CROP, CROP), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
        )
        points, presence = self.fit_crop(np.multiply(crop, np.float32(1 / 255)))
        landmarks = np.empty((478, 3), np.float32)
        landmarks[:, :2] = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
        landmarks[:, 2] = points[:, 2] * (roi.side / CROP)
        return FaceMesh(landmarks, presence)

    def fit_crop(self, crop: np.ndarray) -> tuple[np.ndarray, float]:
        """Fit the mesh to the network's input.

        Args:
            crop: float32 (192, 192, 3) RGB in [0, 1].

        Returns:
            float32 (478, 3) landmarks in pixels of the crop, and the face probability in [0, 1].
        """
        features, coarse, flag = self._trunk(crop[None])
        mesh = coarse.reshape(468, 3)
        frames = [_patch_frame(mesh[:, :2] * (GRID / CROP), region) for region in self._graph.regions]
        patches = _sample(features[0], frames, self._graph.regions[0].patch)
        heads = [out.reshape(-1, 2) for out in self._heads(*patches)]
        lips, right_eye, left_eye, right_iris, left_iris = (
            _to_crop(head, frames[region]) for head, region in zip(heads, (0, 1, 2, 1, 2), strict=True)
        )
        points = np.empty((478, 3), np.float32)
        points[:468] = mesh
        for region, refined in zip(self._graph.regions, (lips, right_eye, left_eye), strict=True):
            points[region.points, :2] = refined
        points[468:473, :2], points[473:, :2] = right_iris, left_iris
        for rows, eye in ((slice(468, 473), 1), (slice(473, 478), 2)):  # an iris lies as deep as its eye, on average
            points[rows, 2] = mesh[self._graph.regions[eye].points[:16], 2].mean()
        return points, float(1 / (1 + np.exp(-flag.item())))


MESHES: dict[str, type[AttentionMesh]] = {"attention": AttentionMesh}


class Network:
    """One TFLite graph: arrays in, arrays out, by the order of the graph's inputs and outputs."""

    def __init__(self, model: bytes, threads: int) -> None:
        self._interpreter = start(model, threads=threads)
        self._inputs = [detail["index"] for detail in self._interpreter.get_input_details()]
        self._outputs = [detail["index"] for detail in self._interpreter.get_output_details()]

    def __call__(self, *arrays: np.ndarray) -> list[np.ndarray]:
        for index, array in zip(self._inputs, arrays, strict=True):
            self._interpreter.set_tensor(index, array)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]


@cache
def _graph_of_weights() -> AttentionGraph:
    return cut(load("mesh_attention"))


def _patch_frame(points: np.ndarray, region: Region) -> np.ndarray:
    """Landmarks2TransformMatrix: float (468, 2) grid cells → (2, 3) patch cells → grid cells."""
    first, second = points[region.axis[0]], points[region.axis[1]]
    angle = np.arctan2(second[1] - first[1], second[0] - first[0])
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, -sin], [sin, cos]])
    inside = points[region.points] @ turn  # coordinates along and across the axis
    low, high = inside.min(0), inside.max(0)
    linear = turn * ((high - low) * region.scale / region.patch)
    centre = turn @ ((low + high) / 2)
    return np.column_stack([linear, centre - linear @ np.full(2, region.patch / 2)])


def _sample(features: np.ndarray, frames: list[np.ndarray], patch: int) -> list[np.ndarray]:
    """TransformTensorBilinear: float32 (48, 48, C) → one float32 (1, patch, patch, C) per frame; outside the map 0."""
    steps = np.arange(patch) + 0.5
    cells = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)  # (x, y), row by row
    where = np.concatenate([cells @ frame[:, :2].T + frame[:, 2] - 0.5 for frame in frames])
    size = features.shape[0]
    inside = ((where >= 0) & (where <= size - 1)).all(1)
    where = where.clip(0, size - 1)
    corner = np.minimum(where.astype(np.int32), size - 2)
    after = (where - corner).astype(np.float32)  # shares of the cells to the right and below
    before = 1 - after
    before[:, 1] *= inside
    after[:, 1] *= inside
    flat, at = features.reshape(size * size, -1), corner[:, 1] * size + corner[:, 0]
    values = flat.take(at, 0) * (before[:, :1] * before[:, 1:])
    values += flat.take(at + 1, 0) * (after[:, :1] * before[:, 1:])
    values += flat.take(at + size, 0) * (before[:, :1] * after[:, 1:])
    values += flat.take(at + size + 1, 0) * (after[:, :1] * after[:, 1:])
    return list(values.reshape(len(frames), 1, patch, patch, -1))


def _to_crop(points: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """TransformLandmarks: float32 (N, 2) of a head → pixels of the crop."""
    return points @ frame[:, :2].T + frame[:, 2] * (CROP / GRID)
