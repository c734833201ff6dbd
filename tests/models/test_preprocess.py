"""Pixels as the encoders know them, against transformers' own processor and on pictures with known answers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="models need the extra facevlm[models]")

from facevlm.errors import InputError  # noqa: E402
from facevlm.models import frame_indices  # noqa: E402
from facevlm.models.face_answers import ATTRIBUTES, PARSING, named  # noqa: E402
from facevlm.models.face_decoder import HEADS, PARSING_CLASSES, FaceAnswers  # noqa: E402
from facevlm.models.preprocess import clip_pixels, face_pixels, padded_square, umt_pixels  # noqa: E402


def picture(height, width):
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), dtype=np.uint8)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 90), st.integers(2, 90), st.booleans())
def test_clip_pixels_equal_transformers_processor(height, width, pad):
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    processor = CLIPImageProcessorPil(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})
    image = picture(height, width)
    shown = padded_square(image) if pad else image
    expected = processor(shown, input_data_format="channels_last", return_tensors="np")["pixel_values"][0]
    assert np.allclose(clip_pixels([image], side=28, pad=pad)[0], expected, atol=1e-5)


@pytest.mark.parametrize("height, width", [(90, 131), (131, 90), (50, 50), (1, 7)])
def test_a_padded_square_holds_the_picture_in_the_middle(height, width):
    image, side = picture(height, width), max(height, width)
    square = padded_square(image)
    top, left = (side - height) // 2, (side - width) // 2
    assert square.shape == (side, side, 3)
    assert np.array_equal(square[top : top + height, left : left + width], image)
    outside = np.ones((side, side), bool)
    outside[top : top + height, left : left + width] = False
    assert (square[outside] == (122, 116, 104)).all()


def test_shapes_and_order_of_axes():
    frames = [picture(40, 60), picture(40, 60)]
    assert face_pixels(frames).shape == (2, 3, 224, 224)
    assert clip_pixels(frames).shape == (2, 3, 336, 336)
    clip = umt_pixels(frames)
    assert clip.shape == (3, 2, 224, 224)
    assert np.array_equal(clip[:, 1], umt_pixels(frames[1:])[:, 0])
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 255
    assert (face_pixels([red])[0].mean((1, 2)) > 0).tolist() == [True, False, False]


BAD = {
    "no pictures": lambda: face_pixels([]),
    "grey": lambda: clip_pixels([np.zeros((4, 4), np.uint8)]),
    "floats": lambda: umt_pixels([np.zeros((4, 4, 3))]),
    "empty": lambda: face_pixels([np.zeros((0, 4, 3), np.uint8)]),
    "no frames": lambda: frame_indices.videollama2_uniform(0, 8),
}


@pytest.mark.parametrize("situation", BAD)
def test_bad_pictures_are_told(situation):
    with pytest.raises(InputError):
        BAD[situation]()


@pytest.mark.parametrize("choose", [frame_indices.videollama2_uniform, frame_indices.videochat2_inference,
                                    frame_indices.videochat2_middle])  # fmt: skip
@settings(max_examples=60, deadline=None)
@given(st.integers(1, 400), st.integers(1, 40))
def test_indices_are_frames_in_order(choose, frames, count):
    indices = choose(frames, count)
    assert len(indices) == count and indices == sorted(indices)
    assert indices[0] >= 0 and indices[-1] < frames


def answers(**changes):
    values = {name: torch.zeros(1, size) for name, size in HEADS.items()}
    values["head_pose"], values["attributes"] = values.pop("pose"), values.pop("attribute")
    values |= {
        "parsing": torch.zeros(1, PARSING_CLASSES, 8, 8),
        "tokens": torch.zeros(1),
        "face_tokens": torch.zeros(1),
    }
    return FaceAnswers(**{**values, **changes})


def test_answers_get_their_names():
    smiling = torch.full((1, 40), -5.0)
    smiling[0, ATTRIBUTES.index("Smiling")] = 5.0
    nose = torch.zeros(1, PARSING_CLASSES, 8, 8)
    nose[0, PARSING.index("nose"), 2, 3] = 9.0
    (face,) = named(answers(attributes=smiling, parsing=nose, head_pose=torch.tensor([[0.0, torch.pi / 6, 0.0]])))
    assert [name for name, p in face.attributes.items() if p >= 0.5] == ["Smiling"]
    assert PARSING[face.parsing[2, 3]] == "nose" and PARSING[face.parsing[0, 0]] == "background"
    assert face.yaw_deg == pytest.approx(30) and face.landmarks.shape == (68, 2)
    assert np.allclose(face.landmarks, 3.5)  # the middle of 8 pixels
    assert len(ATTRIBUTES) == 40 and len(PARSING) == PARSING_CLASSES


def test_sensitive_answers_are_told_only_when_asked_for():
    (plain,) = named(answers())
    assert (plain.age, plain.gender, plain.race) == (None, None, None)
    assert not {"Male", "Young", "Attractive"} & set(plain.attributes) and len(plain.attributes) == 37
    race = torch.tensor([[0.0, 0.0, 3.0, 0.0, 0.0]])
    (asked,) = named(answers(race=race), sensitive=True)
    assert asked.race.name == "Indian" and asked.race.probability == pytest.approx(0.834, abs=1e-3)
    assert len(asked.attributes) == 40 and asked.age.name == "0-9"
