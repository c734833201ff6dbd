"""SCRFD and YuNet: known faces written into the outputs of a scripted network are read back; broken files are told."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from facevlm.errors import MissingExtraError, UsageError, WeightsError
from facevlm.faces.detect import DETECTORS, FILE_DETECTORS, find_detector
from facevlm.faces.detect_onnx import STRIDES, ScrfdDetector, YuNetDetector

KINDS = {"scrfd": ScrfdDetector, "yunet": YuNetDetector}
YUNET_NAMES = [f"{layer}_{stride}" for layer in ("cls", "obj", "bbox", "kps") for stride in STRIDES]
SCRFD_NAMES = [str(number) for number in range(443, 452)]  # theirs say nothing

# score, box xyxy, and the stride whose cell finds it, in pixels of the canvas
FAR = (0.7, (500.0, 40.0, 512.0, 55.5), 8)
NEAR = (0.9, (300.0, 31.25, 450.0, 240.0), 16)
LARGE = (0.97, (10.0, 20.0, 250.0, 330.0), 32)
FACES = (FAR, NEAR, LARGE)
SOMEONE = (0.8, (100.0, 60.0, 160.0, 150.0), 16)


def five_points(box: tuple[float, ...]) -> np.ndarray:
    """float (5, 2): eyes, nose tip, corners of the mouth, from the picture's left to its right."""
    low, high = np.array(box[:2]), np.array(box[2:])
    return low + np.array([[0.3, 0.4], [0.7, 0.42], [0.45, 0.6], [0.35, 0.8], [0.65, 0.84]]) * (high - low)


def scrfd(faces, width: int, height: int) -> dict[str, np.ndarray]:
    """What an SCRFD network gives for these faces: each at the second anchor of the cell of its middle."""
    rows = [width // stride * (height // stride) * 2 for stride in STRIDES]
    outputs = [np.full((count, columns), 0.01, np.float32) for columns in (1, 4, 10) for count in rows]
    for score, box, stride in faces:
        layer, middle = STRIDES.index(stride), np.reshape(box, (2, 2)).mean(0)
        x, y = (middle // stride).astype(int)
        row, anchor = (y * (width // stride) + x) * 2 + 1, np.array([x, y]) * stride
        outputs[layer][row] = score
        outputs[layer + 3][row] = np.concatenate([anchor - box[:2], box[2:] - anchor]) / stride
        outputs[layer + 6][row] = ((five_points(box) - anchor) / stride).ravel()
    return dict(zip(SCRFD_NAMES, outputs, strict=True))


def yunet(faces, width: int, height: int) -> dict[str, np.ndarray]:
    """What a YuNet network gives for these faces, in an order that is not the documented one."""
    rows = [width // stride * (height // stride) for stride in STRIDES]
    counts = [(count, columns) for columns in (1, 1, 4, 10) for count in rows]
    outputs = {n: np.full((1, *shape), 0.01, np.float32) for n, shape in zip(YUNET_NAMES, counts, strict=True)}
    for score, box, stride in faces:
        low, high = np.reshape(box, (2, 2))
        x, y = ((low + high) / 2 // stride).astype(int)
        row, corner = y * (width // stride) + x, np.array([x, y]) * stride
        outputs[f"cls_{stride}"][0, row] = 1.01  # the network's numbers may leave [0, 1]
        outputs[f"obj_{stride}"][0, row] = score**2
        outputs[f"bbox_{stride}"][0, row] = [*((low + high) / 2 - corner) / stride, *np.log((high - low) / stride)]
        outputs[f"kps_{stride}"][0, row] = ((five_points(box) - corner) / stride).ravel()
    return dict(reversed(outputs.items()))


ENCODE = {"scrfd": scrfd, "yunet": yunet}


class ScriptedFile:
    """A stand-in for onnxruntime and the one file it knows.

    Attributes:
        shape: Of the input.
        outputs: Given by each run, by name; with one named "failure" it fails.
        seen: What the last run was shown.
    """

    def __init__(self, path: Path) -> None:
        path.write_bytes(b"model")
        self.path, self.shape, self.seen = path, [1, 3, "height", "width"], np.empty(0)
        self.outputs: dict[str, np.ndarray] = {}
        self.module = ModuleType("onnxruntime")
        self.module.SessionOptions = SimpleNamespace  # type: ignore[attr-defined]
        self.module.InferenceSession = self._open  # type: ignore[attr-defined]

    def _open(self, path, options, providers) -> "ScriptedFile":
        if Path(path).read_bytes() != b"model":
            raise RuntimeError("invalid protobuf")
        return self

    def get_inputs(self):
        return [SimpleNamespace(name="input.1", shape=self.shape)]

    def get_outputs(self):
        return [SimpleNamespace(name=name, shape=["?", "?"]) for name in self.outputs]

    def run(self, names, feed):
        self.seen = feed["input.1"]
        assert self.seen.dtype == np.float32 and self.seen.flags.c_contiguous
        if "failure" in self.outputs:
            raise RuntimeError("out of memory")
        return [self.outputs[name] for name in names or self.outputs]


@pytest.fixture
def file(tmp_path, monkeypatch) -> ScriptedFile:
    scripted = ScriptedFile(tmp_path / "net.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", scripted.module)
    return scripted


def grey(width: int, height: int) -> np.ndarray:
    return np.full((height, width, 3), 90, np.uint8)


# --- reading faces


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("width", "height", "shrunk"),
    [(640, 640, 1), (640, 360, 1), (500, 300, 1), (1280, 720, 2), (800, 1280, 2), (3840, 2160, 6), (1, 1, 1)],
)
def test_each_face_is_read_back_in_pixels_of_the_frame(file, kind, width, height, shrunk):
    file.outputs = ENCODE[kind](FACES, 640, 640)
    found = KINDS[kind](file.path).detect(grey(width, height))
    by_score = sorted(FACES, reverse=True)
    np.testing.assert_allclose(found.scores, [score for score, *_ in by_score], atol=1e-4)
    np.testing.assert_allclose(found.boxes, [np.array(box) * shrunk for _, box, _ in by_score], rtol=1e-4, atol=1e-3)
    for points, (_, box, _) in zip(found.keypoints, by_score, strict=True):
        right_eye, left_eye, nose, right_corner, left_corner = five_points(box) * shrunk
        mouth = (right_corner + left_corner) / 2
        wanted = [right_eye, left_eye, nose, mouth, right_corner, left_corner]
        np.testing.assert_allclose(points, wanted, rtol=1e-4, atol=1e-3)
    assert {found.boxes.dtype, found.scores.dtype, found.keypoints.dtype} == {np.dtype(np.float32)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_whose_sides_shrink_unevenly_keeps_its_edges(file, kind):
    """1000x333 becomes 640x213: 1.5625 in x, 1.5634 in y."""
    edge = (0.9, (500.0, 100.0, 640.0, 213.0), 16)
    file.outputs = ENCODE[kind]([edge], 640, 640)
    found = KINDS[kind](file.path).detect(grey(1000, 333))
    np.testing.assert_allclose(found.boxes[0, 2:], [1000, 333], atol=1e-2)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("situation", "faces", "left"),
    [
        ("nobody", [], 0),
        ("too unsure", [(0.45, NEAR[1], 16)], 0),
        ("just sure enough", [(0.55, NEAR[1], 16)], 1),
        ("one face at two strides", [NEAR, (0.8, NEAR[1], 32)], 1),
        ("part of a face in a face", [LARGE, (0.7, (40.0, 60.0, 160.0, 200.0), 16)], 1),
    ],
)
def test_one_box_is_left_per_face(file, kind, situation, faces, left):
    file.outputs = ENCODE[kind](faces, 640, 640)
    found = KINDS[kind](file.path).detect(grey(640, 640))
    assert found.scores.shape == (left,) and found.boxes.shape == (left, 4) and found.keypoints.shape == (left, 6, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_the_least_score_can_be_chosen(file, kind):
    file.outputs = ENCODE[kind](FACES, 640, 640)
    assert len(KINDS[kind](file.path, min_score=0.8).detect(grey(640, 640)).scores) == 2


# --- what the network is shown


def test_scrfd_is_shown_rgb_around_zero_in_the_upper_left_of_black(file):
    file.outputs = scrfd([], 640, 640)
    ScrfdDetector(file.path).detect(np.full((360, 1280, 3), (255, 127, 0), np.uint8))
    assert file.seen.shape == (1, 3, 640, 640)
    np.testing.assert_allclose(file.seen[0, :, 179, 639], [127.5 / 128, -0.5 / 128, -127.5 / 128])
    np.testing.assert_allclose(file.seen[0, :, 180], -127.5 / 128)


def test_yunet_is_shown_bgr_as_it_is_in_the_upper_left_of_black(file):
    file.outputs = yunet([], 640, 640)
    YuNetDetector(file.path).detect(np.full((300, 400, 3), (255, 127, 0), np.uint8))
    np.testing.assert_array_equal(file.seen[0, :, 299, 399], [0, 127, 255])
    assert not file.seen[0, :, 300:].any() and not file.seen[0, :, :, 400:].any()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("shape", "size", "seen"),
    [
        (["N", 3, "H", "W"], 320, (320, 320)),
        ([1, 3, None, None], 640, (640, 640)),
        ([1, 3, 480, 640], 320, (480, 640)),  # the file's own
    ],
)
def test_the_size_is_the_files_or_the_chosen_one(file, kind, shape, size, seen):
    file.shape, file.outputs = shape, ENCODE[kind]([SOMEONE], seen[1], seen[0])
    found = KINDS[kind](file.path, size=size).detect(grey(seen[1] * 2, seen[0] * 2))
    assert file.seen.shape == (1, 3, *seen)
    np.testing.assert_allclose(found.boxes, [np.array(SOMEONE[1]) * 2], atol=1e-3)


def test_scrfd_outputs_may_have_an_axis_of_one_before(file):
    file.outputs = {name: values[None] for name, values in scrfd(FACES, 640, 640).items()}
    assert len(ScrfdDetector(file.path).detect(grey(640, 640)).scores) == 3


# --- files that are no such detector

BROKEN = {
    "no key points": lambda outputs: dict(list(outputs.items())[:6]),
    "more outputs": lambda outputs: outputs | {"more": np.zeros(1)},
    "another input size inside": lambda outputs: {name: values[..., 5:, :] for name, values in outputs.items()},
    "other columns": lambda outputs: {name: np.repeat(values, 2, axis=-1) for name, values in outputs.items()},
    "not finite": lambda outputs: {name: values * np.nan for name, values in outputs.items()},
    "fails": lambda outputs: {"failure": np.zeros(1)} | dict(list(outputs.items())[1:]),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", BROKEN)
def test_a_file_that_breaks_the_contract_is_told_when_it_is_opened(file, kind, what):
    file.outputs = BROKEN[what](ENCODE[kind](FACES, 640, 640))
    contract = {"scrfd": "nine outputs", "yunet": "cls_8, cls_16, cls_32"}[kind]
    with pytest.raises(WeightsError, match=rf"net\.onnx: the detector .*{contract}"):
        KINDS[kind](file.path)


def test_yunet_outputs_of_other_names_are_told(file):
    file.outputs = dict(zip("abcdefghijkl", yunet([], 640, 640).values(), strict=True))
    with pytest.raises(WeightsError, match="gives 12 outputs: a, b, c"):
        YuNetDetector(file.path)


@pytest.mark.parametrize("shape", [[1, 640, 640, 3], [1, 3, 100, 640], ["N", 3], [1, 1, 640, 640]], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_an_input_of_another_shape_is_told(file, kind, shape):
    file.shape, file.outputs = shape, ENCODE[kind]([], 640, 640)
    with pytest.raises(WeightsError, match="takes"):
        KINDS[kind](file.path)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_missing_is_told(file, kind, tmp_path, monkeypatch):
    with pytest.raises(UsageError, match=r"none\.onnx: there is no such detector file"):
        KINDS[kind](tmp_path / "none.onnx")
    with pytest.raises(UsageError, match="multiple of 32"):
        KINDS[kind](file.path, size=500)
    file.path.write_bytes(b"<html>404</html>")
    with pytest.raises(WeightsError, match="cannot be read as an ONNX model: invalid protobuf"):
        KINDS[kind](file.path)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r"pip install onnxruntime"):
        KINDS[kind](file.path)


# --- choosing one


def test_detectors_are_chosen_by_name_or_by_name_and_path(file):
    assert {name: find_detector(name) for name in DETECTORS} == DETECTORS
    assert KINDS == FILE_DETECTORS
    for kind, make in KINDS.items():
        file.outputs = ENCODE[kind](FACES, 640, 640)
        assert isinstance(find_detector(f"{kind}:{file.path}")(), make)


def test_a_path_may_hold_colons():
    with pytest.raises(UsageError, match=r"C:\\nets\\net\.onnx: there is no such detector file"):
        find_detector("yunet:C:\\nets\\net.onnx")()


@pytest.mark.parametrize("choice", ["", "owl", "scrfd", "yunet:", "whole:x.onnx", "owl:x.onnx", "Whole"])
def test_an_unknown_detector_is_told_with_the_choices(choice):
    with pytest.raises(UsageError, match=f"no detector '{choice}' .*whole, small, scrfd:PATH, yunet:PATH"):
        find_detector(choice)
