"""What a face looks like, as one vector: a descriptor of colour and shading without weights, or an ONNX embedder by
path.

The default tells faces of one video apart while it lasts; it does not recognise people. Whoever wants identity brings a
112x112 face embedder as an ONNX file and asks for it by name: nothing here computes identity unasked.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from facevlm.errors import InputError, MissingExtraError, UsageError, WeightsError
from facevlm.faces.align import TEMPLATE_SIZE
from facevlm.faces.choice import chosen


class Embedder(Protocol):
    """Turns aligned faces into vectors.

    Attributes:
        dimension: Length D of a vector.
    """

    dimension: int

    def embed(self, crops: np.ndarray) -> np.ndarray:
        """uint8 (N, 112, 112, 3) RGB crops from `align.aligned_crop` -> float32 (N, D), each of unit norm."""
        ...


class AppearanceDescriptor:
    """Colours and gradients of the face, for following it through one video; no weights, about 0.7 ms per face.

    Two unit vectors side by side. Colours: histograms of a* and b* divided by lightness (so that shadow and exposure
    change little) in four horizontal bands from hair to chin. Gradients: histograms of orientation (after HOG, Dalal &
    Triggs 2005) of the log of luma in 8x8 soft cells. Both are Hellinger-rooted (Arandjelovic & Zisserman 2012), pixels
    near the crop's corners weigh little.

    Measured on real clips (30 frames of each of 16 tracks; 34 photos): two frames of a close-up have cosine .97-.99
    (5th percentile .95 or more) through blinks, grimaces and open mouths; through large head turns on stage .92; in the
    near dark .90. Different people: photos .65 on average and .93 at most; faces of one lab session or group photo .80
    on average; faces in one shot .72.

    It cannot recognise a person under another light, hair style or head pose (the same singer in a wide and a close
    shot: .94, no more alike than the two most similar strangers), nor tell twins apart. It also sees hats,
    glasses, hands and what is behind the cheeks.
    """

    dimension = 4 * 20 * 20 + 8 * 8 * 8

    def embed(self, crops: np.ndarray) -> np.ndarray:
        """uint8 (N, 112, 112, 3) RGB -> float32 (N, 2112) of unit norm; no element is negative.

        Raises:
            InputError: The crops have another shape or type.
        """
        _check(crops)
        if not len(crops):
            return np.zeros((0, self.dimension), np.float32)
        return np.stack([_describe(crop) for crop in crops])


class OnnxEmbedder:
    """A face embedder of the ArcFace kind from an ONNX file (needs `onnxruntime`). Opt-in: its vectors identify people.

    The contract: one input, float32 (N, 3, 112, 112) RGB scaled to (x - 127.5) / 127.5; one output, float32 (N, D); N
    dynamic or 1. A blank picture is tried when the file is opened.

    Args:
        path: The ONNX file.
        threads: Threads of one run.

    Raises:
        UsageError: There is no such file.
        MissingExtraError: onnxruntime is not installed.
        WeightsError: The file is no ONNX model or does not keep the contract.
    """

    dimension: int

    def __init__(self, path: str | Path, *, threads: int = 1) -> None:
        self._path = Path(path)
        if not self._path.is_file():
            raise UsageError("there is no such embedder file", where=path, mend="give the path of an ONNX file")
        try:
            import onnxruntime
        except ImportError as error:
            raise MissingExtraError(
                "ONNX embedders need onnxruntime", where=path, mend="run: pip install onnxruntime"
            ) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        try:
            self._session: Any = onnxruntime.InferenceSession(
                str(self._path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's own errors derive from Exception alone
            raise WeightsError(f"cannot be read as an ONNX model: {error}", where=path) from error
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1 or list(inputs[0].shape[1:]) != [3, TEMPLATE_SIZE, TEMPLATE_SIZE]:
            shapes = f"{[i.shape for i in inputs]} -> {[o.shape for o in outputs]}"
            raise self._broken(f"has {shapes}")
        self._input = inputs[0].name
        self._one_by_one = isinstance(inputs[0].shape[0], int)
        self.dimension = self._run(np.zeros((1, 3, TEMPLATE_SIZE, TEMPLATE_SIZE), np.float32)).shape[1]

    def embed(self, crops: np.ndarray) -> np.ndarray:
        """uint8 (N, 112, 112, 3) RGB -> float32 (N, D) of unit norm.

        Raises:
            InputError: The crops have another shape or type.
            WeightsError: The model gave something else than one finite, non-zero vector per crop.
        """
        _check(crops)
        if not len(crops):
            return np.zeros((0, self.dimension), np.float32)
        scaled = (crops.transpose(0, 3, 1, 2).astype(np.float32) - 127.5) / 127.5
        parts = np.split(scaled, len(scaled)) if self._one_by_one else [scaled]
        vectors = np.concatenate([self._run(part) for part in parts])
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not (norms > 1e-6).all():
            raise self._broken("gave a vector of zeros")
        return vectors / norms

    def _run(self, batch: np.ndarray) -> np.ndarray:
        try:
            (vectors,) = self._session.run(None, {self._input: batch})
        except Exception as error:  # as above
            raise self._broken(f"failed: {error}") from error
        vectors = np.asarray(vectors, np.float32)
        if vectors.ndim != 2 or len(vectors) != len(batch) or not np.isfinite(vectors).all():
            raise self._broken(f"gave {vectors.shape} for {len(batch)} crops, or numbers that are not finite")
        return vectors

    def _broken(self, what: str) -> WeightsError:
        contract = "one input (N, 3, 112, 112) RGB in [-1, 1], one finite output (N, D)"
        return WeightsError(f"the embedder {what}", where=self._path, mend=f"use a model with {contract}")


EMBEDDERS: dict[str, Callable[[], Embedder]] = {"descriptor": AppearanceDescriptor}
FILE_EMBEDDERS: dict[str, Callable[[str], Embedder]] = {"onnx": OnnxEmbedder}


def find_embedder(choice: str) -> Callable[[], Embedder]:
    """How to make an embedder.

    Args:
        choice: A key of `EMBEDDERS`, or "KIND:PATH" where KIND is a key of `FILE_EMBEDDERS` and PATH its ONNX file.

    Returns:
        A function that opens it, which raises as the chosen class does (no such file, no onnxruntime ...).

    Raises:
        UsageError: There is no such choice.
    """
    return chosen(choice, EMBEDDERS, FILE_EMBEDDERS, what="embedder")


# The descriptor works at half size: expressions move pixels, and a smaller face of the same person must look the same.
_SIDE = TEMPLATE_SIZE // 2
_BANDS, _BINS, _CELLS, _ORIENTATIONS = 4, 20, 8, 8
_COLOUR_SHARE = 0.6  # of the cosine; the rest is the gradients'
_DARK = 12.0  # L* (0-100) below which colour is mostly noise and is not blown up further
_LEVELS = np.arange(256) / 255
_LINEAR = np.where(_LEVELS <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4).astype(np.float32)
_TO_XYZ = np.array(  # IEC 61966-2-1, columns divided by the white point
    [[0.412453, 0.212671, 0.019334], [0.357580, 0.715160, 0.119193], [0.180423, 0.072169, 0.950227]], np.float32
) / np.array([0.950456, 1, 1.088754], np.float32)
_OFFSET = np.float32(16 / 116)
_ROWS, _COLUMNS = np.indices((_SIDE, _SIDE))
# 1 over the face, falling to 0 towards the corners, where the background is; lower than the middle, to take in the chin
_WEIGHT = np.exp(-((((_COLUMNS + 0.5 - 28) / 23) ** 2 + ((_ROWS + 0.5 - 32) / 28) ** 2) ** 2)).astype(np.float32)


def _check(crops: np.ndarray) -> None:
    if crops.dtype != np.uint8 or crops.ndim != 4 or crops.shape[1:] != (TEMPLATE_SIZE, TEMPLATE_SIZE, 3):
        what = f"face crops must be uint8 (N, 112, 112, 3), not {crops.dtype} {crops.shape}"
        raise InputError(what, mend="cut them with align.aligned_crop")


def _describe(crop: np.ndarray) -> np.ndarray:
    """float32 (2112,) of unit norm of one crop."""
    small = cv2.resize(crop, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    colour, gradient = _colours(small), _gradients(small)
    both = np.concatenate([_COLOUR_SHARE**0.5 * colour, (1 - _COLOUR_SHARE) ** 0.5 * gradient])
    return (both / np.linalg.norm(both)).astype(np.float32)


def _colours(small: np.ndarray) -> np.ndarray:
    """float32 (bands * bins * bins,) of unit norm."""
    lab = _cielab(small)
    relative = lab[..., 1:] * (50 / np.maximum(lab[..., :1], _DARK))
    # a* from -20 (green) to 40 (red), b* from -10 (blue) to 50 (yellow) at medium lightness hold all skin and hair
    bins = np.clip((relative + np.array([20, 10], np.float32)) * (_BINS / 60), 0, _BINS - 1e-3).astype(int)
    index = (_ROWS * _BANDS // _SIDE * _BINS + bins[..., 0]) * _BINS + bins[..., 1]
    counts = np.bincount(index.ravel(), _WEIGHT.ravel(), _BANDS * _BINS * _BINS).astype(np.float32)
    planes = counts.reshape(_BANDS, _BINS, _BINS).transpose(1, 2, 0)
    smooth = cv2.GaussianBlur(np.ascontiguousarray(planes), (0, 0), 0.8)
    return _rooted(smooth.transpose(2, 0, 1))


def _cielab(small: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) sRGB -> float32 (H, W, 3) L*, a*, b* under D65 (CIE 15). OpenCV's tables take 70 ms to make."""
    tristimulus = _LINEAR[small] @ _TO_XYZ
    f = np.where(tristimulus > 216 / 24389, np.cbrt(tristimulus), tristimulus * np.float32(841 / 108) + _OFFSET)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def _gradients(small: np.ndarray) -> np.ndarray:
    """float32 (orientations * cells * cells,) of unit norm; of zeros for a blank picture."""
    luma = np.log(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32) + 16)
    luma = cv2.GaussianBlur(luma, (0, 0), 0.8)
    dx, dy = cv2.Sobel(luma, cv2.CV_32F, 1, 0), cv2.Sobel(luma, cv2.CV_32F, 0, 1)
    size, angle = cv2.cartToPolar(dx, dy)
    size *= _WEIGHT
    turn = angle * (_ORIENTATIONS / (2 * np.pi))
    low = turn.astype(int)
    rest = turn - low
    planes = np.zeros((_ORIENTATIONS, _SIDE, _SIDE), np.float32)
    planes[low % _ORIENTATIONS, _ROWS, _COLUMNS] = size * (1 - rest)
    planes[(low + 1) % _ORIENTATIONS, _ROWS, _COLUMNS] += size * rest
    return _rooted(_POOL @ planes @ _POOL.T)


def _rooted(histogram: np.ndarray) -> np.ndarray:
    """Square roots of the shares, as a flat vector: unit norm, or zeros."""
    flat = np.sqrt(np.maximum(histogram.ravel(), 0))
    return flat / max(float(np.linalg.norm(flat)), 1e-9)


def _pooling() -> np.ndarray:
    """float32 (cells, side): Gaussian weights of the pixels of a line for each of its cells, each row summing to 1."""
    cell = _SIDE / _CELLS
    centres = (np.arange(_CELLS) + 0.5) * cell
    weights = np.exp(-0.5 * ((np.arange(_SIDE) + 0.5 - centres[:, None]) / (0.6 * cell)) ** 2)
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)


_POOL = _pooling()
