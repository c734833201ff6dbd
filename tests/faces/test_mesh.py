"""The attention mesh: the cut network, regions of interest, the custom operators, and landmarks on a real face."""

import copy

import cv2
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from flatbuffers.builder import Builder

from facevlm.errors import WeightsError
from facevlm.faces import mesh as mesh_module
from facevlm.faces.attention_graph import COARSE, HEADS, cut
from facevlm.faces.mesh import CROP, GRID, AttentionMesh, Network, Roi
from facevlm.faces.weights import load
from tests.faces.portrait import EYES, FACE, portrait

EYE_DISTANCE = 61.0  # outer eye corners in the portrait, pixels


@pytest.fixture(scope="module")
def mesh() -> AttentionMesh:
    return AttentionMesh()


@pytest.fixture(scope="module")
def fitted(mesh: AttentionMesh) -> np.ndarray:
    """Landmarks of the portrait, float (478, 3) pixels."""
    return settle(mesh, portrait(), Roi(*FACE.reshape(2, 2).mean(0), 150.0, 0.0))


def settle(mesh: AttentionMesh, image: np.ndarray, roi: Roi) -> np.ndarray:
    for _ in range(5):  # as frame after frame, until the region of interest comes to rest
        landmarks = mesh.fit(image, roi).landmarks
        roi = Roi.from_landmarks(landmarks)
    return landmarks


# --- the cut network


def test_the_cut_graph_has_the_shapes_that_the_operators_expect():
    graph = cut(load("mesh_attention"))
    trunk, heads = Network(graph.trunk, 1), Network(graph.heads, 1)
    outputs = trunk(np.zeros((1, CROP, CROP, 3), np.float32))
    assert [o.size for o in outputs] == [GRID * GRID * 32, 468 * 3, 1]
    patches = [np.zeros((1, 16, 16, 32), np.float32)] * 3
    assert [o.size for o in heads(*patches)] == [160, 142, 142, 10, 10]
    assert [len(region.points) for region in graph.regions] == [80, 71, 71]
    assert 33 in graph.regions[1].points and 263 in graph.regions[2].points  # subject's right eye, then the left


def renamed(model: bytes, name: str) -> bytes:
    """The same flatbuffer with one tensor under another name."""
    whole = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model, 0))
    for tensor in whole.subgraphs[0].tensors:
        if tensor.name == name.encode():
            tensor.name = b"something_else"
    return packed(whole)


def without_a_region(model: bytes) -> bytes:
    """The same flatbuffer with one of the three matrix operators gone."""
    whole = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model, 0))
    codes = [code.customCode for code in whole.operatorCodes]
    graph = copy.copy(whole.subgraphs[0])
    gone = next(o for o in graph.operators if codes[o.opcodeIndex] == b"Landmarks2TransformMatrix")
    graph.operators = [o for o in graph.operators if o is not gone]
    whole.subgraphs = [graph]
    return packed(whole)


def packed(whole: "schema.ModelT") -> bytes:
    builder = Builder(1 << 20)
    builder.Finish(whole.Pack(builder), b"TFL3")
    return bytes(builder.Output())


@pytest.mark.parametrize(
    ("what", "model"),
    {
        "another network": lambda: load("blaze_short"),
        "no coarse mesh": lambda: renamed(load("mesh_attention"), COARSE),
        "a head of another name": lambda: renamed(load("mesh_attention"), HEADS[0]),
        "only two regions": lambda: without_a_region(load("mesh_attention")),
        "cut in half": lambda: load("mesh_attention")[:1_000_000],
        "text": lambda: b"hello, I am no network at all",
        "nothing": lambda: b"",
    }.items(),
)
def test_another_network_is_refused(what, model):
    with pytest.raises(WeightsError, match="mesh"):
        cut(model())


# --- regions of interest


@pytest.mark.parametrize("degrees", [0, 30, -90, 180])
def test_a_region_maps_the_crop_onto_a_turned_square(degrees):
    roi = Roi(100.0, 60.0, 50.0, np.radians(degrees))
    corners = np.array([[0, 0], [CROP, 0], [CROP, CROP], [0, CROP]]) @ roi.matrix()[:, :2].T + roi.matrix()[:, 2]
    np.testing.assert_allclose(corners.mean(0), [100, 60])
    np.testing.assert_allclose(np.linalg.norm(np.diff(corners, axis=0), axis=1), 50)
    top = corners[1] - corners[0]  # clockwise in a picture, where y points down
    assert np.degrees(np.arctan2(top[1], top[0])) % 360 == pytest.approx(degrees % 360)


def test_a_region_of_a_detection_is_half_as_large_again_and_turned_with_the_eyes():
    roi = Roi.from_detection(np.array([10.0, 20, 50, 40]), np.array([[20.0, 25], [40, 45]]))
    assert (roi.x, roi.y, roi.side) == (30, 30, 60)
    assert np.degrees(roi.angle) == pytest.approx(45)


def test_a_region_of_landmarks_leaves_out_the_irises():
    landmarks = np.zeros((478, 3))
    landmarks[:468, 0], landmarks[:468, 1] = np.linspace(10, 30, 468), 50
    landmarks[33], landmarks[263] = [15, 50, 0], [25, 50, 0]
    landmarks[468:] = 1000
    roi = Roi.from_landmarks(landmarks)
    assert (roi.x, roi.y, roi.side, roi.angle) == (pytest.approx(20), 50, pytest.approx(30), 0)


def test_a_region_of_a_box_is_upright():
    roi = Roi.from_box(np.array([0.0, 10, 20, 50]))
    assert (roi.x, roi.y, roi.side, roi.angle) == (10, 30, 60, 0)


# --- the custom operators, against the formulas taken literally


def literal_sample(features: np.ndarray, frame: np.ndarray, patch: int) -> np.ndarray:
    """TransformTensorBilinear cell by cell; a place outside [0, 47] counts as a whole as 0."""
    last = features.shape[0] - 1
    out = np.zeros((patch, patch, features.shape[2]))
    for row in range(patch):
        for column in range(patch):
            x, y = frame[:, :2] @ (column + 0.5, row + 0.5) + frame[:, 2] - 0.5
            if not (0 <= x <= last and 0 <= y <= last):
                continue
            x0, y0 = int(np.floor(x)), int(np.floor(y))
            for xi, yi in ((x0, y0), (x0 + 1, y0), (x0, y0 + 1), (x0 + 1, y0 + 1)):
                weight = max(0, 1 - abs(x - xi)) * max(0, 1 - abs(y - yi))
                if weight:
                    out[row, column] += weight * features[yi, xi]
    return out


@pytest.mark.parametrize(
    ("where", "frame"),
    {
        "inside": [[1.1, 0.3, 12.0], [-0.3, 1.1, 15.0]],
        "over the edge": [[2.0, 0.0, -6.0], [0.0, 2.0, 25.0]],
        "to the very last cell": [[1.0, 0.0, 32.0], [0.0, 1.0, 32.0]],
        "to the very first cell": [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
        "outside": [[1.0, 0.0, 100.0], [0.0, 1.0, 100.0]],
        "one point": [[0.0, 0.0, 20.25], [0.0, 0.0, 30.75]],
    }.items(),
)
def test_sampling_equals_the_literal_operator(where, frame):
    features = np.random.default_rng(1).normal(size=(GRID, GRID, 4)).astype(np.float32)
    frame = np.array(frame)
    (sampled,) = mesh_module._sample(features, [frame], 16)
    expected = literal_sample(features, frame, 16)
    np.testing.assert_allclose(sampled[0], expected, atol=1e-5)
    assert where != "outside" or not expected.any()


@pytest.mark.parametrize("degrees", [0, 20, -75])
def test_a_patch_covers_the_region_half_as_wide_again_along_its_axis(degrees):
    turn = np.radians(degrees)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    upright = np.random.default_rng(2).uniform([-6, -2], [6, 2], (468, 2))
    region = mesh_module.Region(points=np.arange(4, 60), axis=(0, 1), scale=1.5, patch=16)
    upright[0], upright[1] = [-6, 0], [6, 0]
    frame = mesh_module._patch_frame(upright @ rotation.T + 24, region)
    low, high = upright[region.points].min(0), upright[region.points].max(0)
    corners = np.array([[0, 0], [16, 16]]) @ frame[:, :2].T + frame[:, 2]
    centre, half = (low + high) / 2, (high - low) * 0.75
    np.testing.assert_allclose((corners - 24) @ rotation, [centre - half, centre + half], atol=1e-9)


def test_points_of_a_head_come_back_to_the_crop():
    frame = np.array([[0.5, 0.0, 10.0], [0.0, 0.25, 20.0]])  # patch cells → grid cells
    # A head's points are in units of the crop already scaled by 4: M v + 4 t.
    np.testing.assert_allclose(mesh_module._to_crop(np.array([[8.0, 8.0]]), frame), [[4 + 40, 2 + 80]])


# --- on a real face


def test_the_landmarks_lie_where_the_face_is(fitted):
    for side, first in (("right", 468), ("left", 473)):
        assert np.linalg.norm(fitted[first, :2] - EYES[side]) < 0.05 * EYE_DISTANCE
        assert np.linalg.norm(fitted[first + 1 : first + 5, :2] - fitted[first, :2], axis=1).max() < 0.12 * EYE_DISTANCE
    assert fitted[33, 0] < fitted[133, 0] < fitted[362, 0] < fitted[263, 0]  # the subject's right is the picture's left
    assert fitted[10, 1] < fitted[1, 1] < fitted[13, 1] < fitted[152, 1]  # forehead, nose, lips, chin
    assert fitted[1, 2] < fitted[[234, 454], 2].min()  # the nose is nearer than the ears
    assert np.isfinite(fitted).all()


@pytest.mark.parametrize(
    ("how", "degrees", "scale", "shift", "tolerance"),
    [
        ("shifted", 0, 1.0, (37.5, 21.25), 0.02),
        ("turned a little", 30, 1.0, (0, 0), 0.035),
        ("on its side", -90, 1.0, (0, 0), 0.02),
        ("upside down", 180, 1.0, (0, 0), 0.02),
        ("twice as large", 0, 2.0, (0, 0), 0.02),
        ("half as large", 0, 0.5, (0, 0), 0.035),
    ],
)
def test_landmarks_move_with_the_picture(mesh, fitted, how, degrees, scale, shift, tolerance):
    matrix = cv2.getRotationMatrix2D((256, 256), degrees, 1.0)
    matrix[:, 2] += shift
    matrix *= scale
    side = round(512 * scale)
    image = cv2.warpAffine(portrait(), matrix, (side, side), flags=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    expected = fitted[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    start = np.column_stack([expected, fitted[:, 2] * scale])
    landmarks = settle(mesh, image, Roi.from_landmarks(start))
    error = np.linalg.norm(landmarks[:, :2] - expected, axis=1) / (EYE_DISTANCE * scale)
    assert error.mean() < tolerance
    assert error.max() < 3 * tolerance
    assert np.abs(landmarks[:, 2] - fitted[:, 2] * scale).mean() < 2 * tolerance * EYE_DISTANCE * scale


def test_presence_tells_a_face_from_none(mesh):
    there = mesh.fit(portrait(), Roi(*FACE.reshape(2, 2).mean(0), 150.0, 0.0))
    elsewhere = mesh.fit(portrait(), Roi(60.0, 400.0, 100.0, 0.0))
    flat = mesh.fit(np.full((100, 100, 3), 127, np.uint8), Roi(50.0, 50.0, 80.0, 0.0))
    assert there.presence > 0.99 and elsewhere.presence < 0.5 and flat.presence < 0.5


@pytest.mark.parametrize("roi", [Roi(5, 5, 150, 0.3), Roi(-400, 900, 60, 1), Roi(225, 124, 1e-3, 0)])
def test_a_region_beyond_the_picture_gives_finite_landmarks(mesh, roi):
    face = mesh.fit(portrait(), roi)
    assert np.isfinite(face.landmarks).all() and 0 <= face.presence <= 1


def test_the_same_crop_gives_the_same_mesh(mesh):
    roi = Roi(*FACE.reshape(2, 2).mean(0), 150.0, 0.0)
    first, second = mesh.fit(portrait(), roi), AttentionMesh(threads=2).fit(portrait(), roi)
    np.testing.assert_allclose(first.landmarks, second.landmarks, atol=1e-3)
    np.testing.assert_array_equal(first.landmarks, mesh.fit(portrait(), roi).landmarks)
