"""Aligned crops and appearance vectors."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from facevlm.errors import InputError, MissingExtraError, UsageError, WeightsError
from facevlm.faces import align
from facevlm.faces.align import TEMPLATE, aligned_crop, five_points, similarity_to_template
from facevlm.faces.embed import EMBEDDERS, AppearanceDescriptor, OnnxEmbedder, find_embedder
from tests.faces.scripted_onnx import channel_means, scripted_onnxruntime

PHOTOS = Path(__file__).parents[2] / "../shared/photos"


def mesh_at(points):
    """A mesh whose five points are these, the rest at the nose."""
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[:, :2] = points[2]
    places = (align.RIGHT_EYE, align.LEFT_EYE, align.NOSE_TIP, align.RIGHT_MOUTH, align.LEFT_MOUTH)
    for index, point in zip(places, points, strict=True):
        landmarks[np.atleast_1d(index), :2] = point
    return landmarks


def drawn_face(skin=(200, 150, 120), hair=(60, 40, 30), eyes=(40, 30, 30), mouth_open=4, size=112):
    """A cartoon face on the template, uint8 (size, size, 3) RGB."""
    image = np.full((112, 112, 3), 90, np.uint8)
    cv2.ellipse(image, (56, 60), (46, 58), 0, 0, 360, hair, -1)
    cv2.ellipse(image, (56, 68), (38, 46), 0, 0, 360, skin, -1)
    for x, y in TEMPLATE[:2].astype(int):
        cv2.ellipse(image, (int(x), int(y)), (7, 4), 0, 0, 360, eyes, -1)
    cv2.ellipse(image, (56, 92), (15, mouth_open), 0, 0, 360, (150, 60, 60), -1)
    return cv2.resize(cv2.GaussianBlur(image, (0, 0), 1), (size, size))


@pytest.mark.parametrize("angle", [-40, 0, 25, 180])
@pytest.mark.parametrize("scale", [0.4, 1.0, 6.0])
def test_five_points_land_on_the_template(angle, scale):
    turn = scale * np.exp(1j * np.radians(angle))
    moved = (TEMPLATE[:, 0] + 1j * TEMPLATE[:, 1]) * turn + (300 + 200j)
    points = np.stack([moved.real, moved.imag], 1)
    matrix = similarity_to_template(five_points(mesh_at(points)))
    assert points @ matrix[:, :2].T + matrix[:, 2] == pytest.approx(TEMPLATE, abs=1e-3)
    half = similarity_to_template(points, 56)
    assert points @ half[:, :2].T + half[:, 2] == pytest.approx(TEMPLATE / 2, abs=1e-3)


@pytest.mark.parametrize(("angle", "scale"), [(0, 1.0), (20, 2.0), (-30, 3.7), (10, 8.0)])
def test_a_turned_and_enlarged_face_gives_the_same_crop(angle, scale):
    face = drawn_face()
    place = cv2.getRotationMatrix2D((56, 56), angle, scale)
    place[:, 2] += (500 - 56, 450 - 56)
    picture = cv2.warpAffine(face, place, (1000, 900), flags=cv2.INTER_CUBIC)
    crop = aligned_crop(picture, mesh_at(TEMPLATE @ place[:, :2].T + place[:, 2]))
    inner = (slice(16, 96), slice(16, 96))
    assert crop.shape == (112, 112, 3) and crop.dtype == np.uint8
    assert np.abs(crop[inner].astype(float) - face[inner]).mean() < 2.5


def test_a_glance_does_not_move_the_crop():
    landmarks = mesh_at(TEMPLATE)
    glance = landmarks.copy()
    glance[468:478, 0] += 5
    assert np.array_equal(five_points(landmarks), five_points(glance))


def test_a_face_at_the_edge_is_black_outside_the_picture():
    crop = aligned_crop(np.full((112, 112, 3), 200, np.uint8), mesh_at(TEMPLATE + np.array([56, 0])))
    assert (crop[:, 60:] == 0).all() and (crop[:, :50] == 200).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0], ids=["nan", "infinite", "all in one place"])
def test_impossible_landmarks_are_told(bad):
    with pytest.raises(InputError, match="landmarks of a face"):
        aligned_crop(drawn_face(), np.full((478, 3), bad))


def cosine(one, other):
    a, b = AppearanceDescriptor().embed(np.stack([one, other]))
    return float(a @ b)


ALIKE = {
    "mouth opens": drawn_face(mouth_open=14),
    "darker by a third": (drawn_face() * 0.67).astype(np.uint8),
    "from a smaller picture": cv2.resize(drawn_face(size=60), (112, 112), interpolation=cv2.INTER_CUBIC),
    "a pixel aside": np.roll(drawn_face(), 1, axis=1),
}
UNLIKE = {
    "other skin": drawn_face(skin=(110, 70, 50)),
    "other hair": drawn_face(hair=(220, 190, 90)),
}


@pytest.mark.parametrize("name", ALIKE)
def test_the_same_face_stays_near(name):
    assert cosine(drawn_face(), ALIKE[name]) > 0.9


@pytest.mark.parametrize("name", UNLIKE)
def test_another_face_is_farther(name):
    assert cosine(drawn_face(), UNLIKE[name]) < min(cosine(drawn_face(), other) for other in ALIKE.values()) - 0.03


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_vectors_have_unit_norm_and_do_not_depend_on_the_batch(shade):
    embedder = EMBEDDERS["descriptor"]()
    batch = np.stack([np.full((112, 112, 3), shade, np.uint8), drawn_face()])
    vectors = embedder.embed(batch)
    assert vectors.shape == (2, embedder.dimension) and vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0)
    assert np.array_equal(vectors[1:], embedder.embed(batch[1:]))
    assert embedder.embed(batch[:0]).shape == (0, embedder.dimension)


@pytest.mark.parametrize(
    ("shape", "dtype"), [((112, 112, 3), np.uint8), ((1, 96, 112, 3), np.uint8), ((1, 112, 112, 3), np.float32)]
)
def test_wrong_crops_are_told(shape, dtype):
    with pytest.raises(InputError, match="face crops must be uint8"):
        AppearanceDescriptor().embed(np.zeros(shape, dtype))


def test_photos_of_two_people_are_farther_apart_than_an_exposure():
    if not PHOTOS.is_dir():
        pytest.skip("needs ../shared/photos")
    one, other = (
        cv2.resize(cv2.imread(str(PHOTOS / name))[..., ::-1], (112, 112), interpolation=cv2.INTER_AREA)
        for name in ("source_s0.jpg", "source_s3.jpg")
    )
    assert cosine(one, (one * 0.8).astype(np.uint8)) > cosine(one, other) + 0.05


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "arc.onnx"
    path.write_bytes(b"model")
    return path


@pytest.mark.parametrize("batch", ["N", 1])
def test_onnx_embedder_scales_runs_and_normalises(monkeypatch, model, batch):
    def run(x):
        assert batch == "N" or len(x) == 1
        assert x.dtype == np.float32 and x.min() >= -1 and x.max() <= 1
        return channel_means(x)

    monkeypatch.setitem(sys.modules, "onnxruntime", scripted_onnxruntime(run, (batch, 3, 112, 112)))
    embedder = find_embedder(f"onnx:{model}")()
    red = np.zeros((2, 112, 112, 3), np.uint8)
    red[..., 0] = 255
    assert embedder.dimension == 4
    assert embedder.embed(red) == pytest.approx(np.array([[1, -1, -1, 1]] * 2) / 2)
    assert embedder.embed(red[:0]).shape == (0, 4)


BROKEN = {
    "no vector per face": lambda x: np.zeros((len(x), 2, 2), np.float32),
    "not finite": lambda x: np.full((len(x), 4), np.nan, np.float32),
    "zeros": lambda x: np.zeros((len(x), 4), np.float32),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_model_that_breaks_the_contract_is_told(monkeypatch, model, name):
    monkeypatch.setitem(sys.modules, "onnxruntime", scripted_onnxruntime(BROKEN[name]))
    with pytest.raises(WeightsError, match=r"arc\.onnx.*\(N, 3, 112, 112\)"):
        OnnxEmbedder(model).embed(drawn_face()[None])


@pytest.mark.parametrize("choice", ["onnx", "onnx:", "arcface:a.onnx", "descriptor:a.onnx", ""])
def test_an_unknown_embedder_is_told_with_the_choices(choice):
    with pytest.raises(UsageError, match="choose among descriptor, onnx:PATH"):
        find_embedder(choice)


def test_onnx_embedder_tells_what_is_missing(monkeypatch, model, tmp_path):
    with pytest.raises(UsageError, match="no such embedder file"):
        OnnxEmbedder(tmp_path / "none.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r"pip install onnxruntime"):
        OnnxEmbedder(model)
    monkeypatch.setitem(sys.modules, "onnxruntime", scripted_onnxruntime(channel_means, ("N", 3, 224, 224)))
    with pytest.raises(WeightsError, match="224"):
        OnnxEmbedder(model)
    monkeypatch.setitem(sys.modules, "onnxruntime", scripted_onnxruntime(channel_means))
    model.write_bytes(b"garbage")
    with pytest.raises(WeightsError, match="cannot be read as an ONNX model"):
        OnnxEmbedder(model)
