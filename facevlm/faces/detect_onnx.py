"""Find faces with a five-point detector from an ONNX file: SCRFD or YuNet, by path (needs `onnxruntime`).

Neither file comes with facevlm; whoever brings one minds its licence. Follows Guo et al. 2021 ("Sample and Computation
Redistribution for Efficient Face Detection") and Wu et al. 2023 ("YuNet: A Tiny Millisecond-level Face Detector") with
the conventions of the files that their authors publish. Each cell of three grids, 8, 16 and 32 pixels apart, says how
sure it is of a face, where the face's box is, and its eyes, nose tip and corners of the mouth.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from facevlm.errors import MissingExtraError, UsageError, WeightsError
from facevlm.faces.faces import Detections
from facevlm.faces.suppress import drop_contained, weighted_nms

STRIDES = (8, 16, 32)  # pixels between the cells of each grid


class ScrfdDetector:
    """An InsightFace SCRFD detector with key points (`*_kps`, `*_bnkps`, the `det_*` of its model packs).

    The contract: one input, float32 (1, 3, H, W) RGB scaled to (x - 127.5) / 128; nine outputs in this order: scores
    (N, 1), boxes (N, 4), key points (N, 10), each for strides 8, 16 and 32 (a first axis of 1 may stand before). N is
    two anchors for each cell, row by row, both at the cell's upper left corner. Boxes are distances to the left, top,
    right and bottom, key points are offsets x, y, all in strides.

    Args:
        path: The ONNX file.
        min_score: Detections below are dropped.
        size: Side in pixels of the square that larger frames are shrunk to; a multiple of 32. A file with an input of
            fixed size keeps its own.
        threads: Threads of one run.

    Raises:
        UsageError: There is no such file, or `size` is no multiple of 32.
        MissingExtraError: onnxruntime is not installed.
        WeightsError: The file is no ONNX model or does not keep the contract.
    """

    def __init__(self, path: str | Path, *, min_score: float = 0.5, size: int = 640, threads: int = 1) -> None:
        contract = (
            "an SCRFD model with key points: one input (1, 3, H, W), nine outputs (scores, boxes, key points for "
            "strides 8, 16, 32)"
        )
        self._model = _Model(path, size=size, threads=threads, anchors=2, layers=(1, 4, 10), contract=contract)
        self._min_score = min_score

    def detect(self, image: np.ndarray) -> Detections:
        """Find faces in uint8 (H, W, 3) RGB; six key points: right eye, left eye, nose tip, mouth, its corners.

        Raises:
            WeightsError: The model gave numbers that are not finite.
        """
        canvas, stretch = _letterbox(image, self._model.size)
        outputs = self._model.run((canvas - np.float32(127.5)) / 128)
        rows = []
        for stride, cells, (scores, boxes, points) in zip(STRIDES, self._model.cells, outputs, strict=True):
            keep = np.flatnonzero(scores[:, 0] >= self._min_score)
            cell, box = cells[keep], boxes[keep]
            corners = np.stack([cell - box[:, :2], cell + box[:, 2:]], axis=1)
            five = cell[:, None] + points[keep].reshape(-1, 5, 2)
            rows.append((scores[keep, 0], corners * stride, five * stride))
        return _one_per_face(rows, stretch)

    glance = detect


class YuNetDetector:
    """The YuNet detector of the OpenCV zoo (`face_detection_yunet_2023mar.onnx` and alike) or of its authors.

    The contract: one input, float32 (1, 3, H, W) BGR, 0 to 255; twelve outputs, named cls_8, cls_16, cls_32, obj_*,
    bbox_*, kps_*: (1, N, 1), (1, N, 1), (1, N, 4) and (1, N, 10), where N are the cells row by row. A score is the
    root of cls times obj. Boxes are the centre's offset from the cell's upper left corner and the logarithms of width
    and height, key points are offsets x, y, all in strides.

    Args:
        path: The ONNX file.
        min_score: Detections below are dropped.
        size: As for `ScrfdDetector`.
        threads: Threads of one run.

    Raises:
        UsageError: There is no such file, or `size` is no multiple of 32.
        MissingExtraError: onnxruntime is not installed.
        WeightsError: The file is no ONNX model or does not keep the contract.
    """

    def __init__(self, path: str | Path, *, min_score: float = 0.5, size: int = 640, threads: int = 1) -> None:
        contract = (
            "a YuNet model of 2023 or later: one input (1, 3, H, W), twelve outputs (cls_8, cls_16, cls_32, obj_*, "
            "bbox_*, kps_*)"
        )
        names = [f"{layer}_{stride}" for layer in ("cls", "obj", "bbox", "kps") for stride in STRIDES]
        self._model = _Model(
            path, size=size, threads=threads, anchors=1, layers=(1, 1, 4, 10), contract=contract, names=names
        )
        self._min_score = min_score

    def detect(self, image: np.ndarray) -> Detections:
        """Find faces in uint8 (H, W, 3) RGB; six key points: right eye, left eye, nose tip, mouth, its corners.

        Raises:
            WeightsError: The model gave numbers that are not finite.
        """
        canvas, stretch = _letterbox(image, self._model.size)
        outputs = self._model.run(canvas[:, ::-1])
        rows = []
        for stride, cells, (face, there, boxes, points) in zip(STRIDES, self._model.cells, outputs, strict=True):
            scores = np.sqrt(face[:, 0].clip(0, 1) * there[:, 0].clip(0, 1))
            keep = np.flatnonzero(scores >= self._min_score)
            centre, half = cells[keep] + boxes[keep, :2], np.exp(boxes[keep, 2:].clip(max=20)) / 2
            corners = np.stack([centre - half, centre + half], axis=1)
            five = cells[keep, None] + points[keep].reshape(-1, 5, 2)
            rows.append((scores[keep], corners * stride, five * stride))
        return _one_per_face(rows, stretch)

    glance = detect


class _Model:
    """An ONNX file that keeps a contract; a blank picture is tried when it is opened.

    Args:
        path: The ONNX file.
        size: Side of the input in pixels, where the file leaves it open.
        threads: Threads of one run.
        anchors: Rows per cell.
        layers: Columns of each kind of output; each kind has one output per stride.
        contract: What the file must be, in words.
        names: Of the outputs, in the order kind by kind; None for the file's own order.

    Attributes:
        size: (width, height) of the input in pixels.
        cells: For each stride float32 (N, 2), x and y of the cell of each row, in strides.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        size: int,
        threads: int,
        anchors: int,
        layers: Sequence[int],
        contract: str,
        names: list[str] | None = None,
    ) -> None:
        self._path, self._layers, self._contract, self._names = Path(path), layers, contract, names
        if size < STRIDES[-1] or size % STRIDES[-1]:
            raise UsageError(f"a detector's input cannot be {size} pixels wide", mend="use a multiple of 32")
        self._session = _session(self._path, threads)
        inputs, outputs = self._session.get_inputs(), [output.name for output in self._session.get_outputs()]
        shapes = [list(one.shape) for one in inputs]
        if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][1] != 3:
            raise self._broken(f"takes {shapes}")
        if len(outputs) != len(STRIDES) * len(layers) or not set(names or outputs) <= set(outputs):
            raise self._broken(f"gives {len(outputs)} outputs: {', '.join(outputs)}")
        self._input = inputs[0].name
        height, width = (side if isinstance(side, int) and side > 0 else size for side in shapes[0][2:])
        if width % STRIDES[-1] or height % STRIDES[-1]:
            raise self._broken(f"takes pictures of {width}x{height}, no multiple of 32")
        self.size = width, height
        self.cells = [_cells(width // stride, height // stride, anchors) for stride in STRIDES]
        self.run(np.zeros((1, 3, height, width), np.float32))

    def run(self, canvas: np.ndarray) -> list[list[np.ndarray]]:
        """For each stride the outputs of each kind, float32 (N, columns); canvas float32 (1, 3, H, W).

        Raises:
            WeightsError: The model failed, or gave outputs of another shape or numbers that are not finite.
        """
        try:
            flat = self._session.run(self._names, {self._input: np.ascontiguousarray(canvas, np.float32)})
        except Exception as error:  # onnxruntime's own errors derive from Exception alone
            raise self._broken(f"failed: {error}") from error
        outputs = []
        for i, (stride, cells) in enumerate(zip(STRIDES, self.cells, strict=True)):
            kinds = zip(flat[i :: len(STRIDES)], self._layers, strict=True)
            outputs.append([self._checked(values, (len(cells), columns), stride) for values, columns in kinds])
        return outputs

    def _checked(self, output: Any, shape: tuple[int, int], stride: int) -> np.ndarray:
        values = np.asarray(output, np.float32)
        if values.shape not in (shape, (1, *shape)):
            raise self._broken(f"gave {values.shape} instead of {shape} for stride {stride}")
        if not np.isfinite(values).all():
            raise self._broken("gave numbers that are not finite")
        return values.reshape(shape)

    def _broken(self, what: str) -> WeightsError:
        return WeightsError(f"the detector {what}", where=self._path, mend=f"use {self._contract}")


def _session(path: Path, threads: int) -> Any:
    if not path.is_file():
        raise UsageError("there is no such detector file", where=path, mend="give the path of an ONNX file")
    try:
        import onnxruntime
    except ImportError as error:
        mend = "run: pip install onnxruntime"
        raise MissingExtraError("ONNX detectors need onnxruntime", where=path, mend=mend) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors alone: files that state shapes for 640x640 warn at any other size
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own errors derive from Exception alone
        raise WeightsError(f"cannot be read as an ONNX model: {error}", where=path) from error


def _cells(columns: int, rows: int, anchors: int) -> np.ndarray:
    """float32 (rows * columns * anchors, 2): x, y of each cell, row by row, each as often as it has anchors."""
    grid = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1).reshape(-1, 2)
    return np.repeat(grid, anchors, axis=0).astype(np.float32)


def _letterbox(image: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The frame at the upper left of a black canvas, shrunk where it is larger, never enlarged.

    Enlarging would make the face of a close-up larger than those that these detectors know.

    Returns:
        float32 (1, 3, H, W) RGB, 0 to 255, and float32 (2,): pixels of the frame per pixel of the canvas in x and y.
    """
    height, width = image.shape[:2]
    scale = min(size[0] / width, size[1] / height, 1.0)
    inner = max(round(width * scale), 1), max(round(height * scale), 1)
    canvas = np.zeros((1, 3, size[1], size[0]), np.float32)
    canvas[0, :, : inner[1], : inner[0]] = cv2.resize(image, inner, interpolation=cv2.INTER_AREA).transpose(2, 0, 1)
    return canvas, np.array([width / inner[0], height / inner[1]], np.float32)


def _one_per_face(rows: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], stretch: np.ndarray) -> Detections:
    """Scores (N,), corners (N, 2, 2) and five points (N, 5, 2) in pixels of the canvas, as faces of the frame.

    The five points come as the picture shows an upright face, left to right: its right eye, its left eye, nose tip,
    right and left corner of the mouth. The middle of the corners is put in as the centre of the mouth.
    """
    scores, corners, five = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    points = np.concatenate([five[:, :3], five[:, 3:].mean(1, keepdims=True), five[:, 3:]], axis=1)
    boxes = (corners * stretch).reshape(-1, 4)
    return drop_contained(weighted_nms(Detections(boxes, scores, points * stretch)))
