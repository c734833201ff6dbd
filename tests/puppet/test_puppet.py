"""Rendered faces move as their controls say, measured by the mesh."""

import numpy as np
import pytest

from facevlm.errors import InputError, MissingExtraError
from facevlm.puppet import demo
from facevlm.puppet.controls import Controls
from facevlm.puppet.puppet import Puppet
from tests.puppet.conftest import Ruler

MOVED = [  # situation, controls, signal -> (least, most) change from rest
    ("eyes closed", Controls(close_right=1, close_left=1), {"eye_right": (-1, -0.15), "eye_left": (-1, -0.15)}),
    ("right eye winks", Controls(close_right=1), {"eye_right": (-1, -0.15), "eye_left": (-0.05, 0.05)}),
    ("left eye winks", Controls(close_left=1), {"eye_left": (-1, -0.15), "eye_right": (-0.05, 0.05)}),
    ("eyes widen", Controls(close_right=-0.4, close_left=-0.4), {"eye_right": (0.01, 0.2), "eye_left": (0.01, 0.2)}),
    ("eyes squint", Controls(squint_right=1, squint_left=1), {"eye_right": (-0.2, -0.04), "eye_left": (-0.2, -0.04)}),
    ("looks to her left", Controls(gaze_x=0.18), {"gaze_x": (0.08, 0.3), "yaw": (-3, 3)}),
    ("looks to her right", Controls(gaze_x=-0.18), {"gaze_x": (-0.3, -0.08), "yaw": (-3, 3)}),
    ("looks up", Controls(gaze_y=-0.15), {"gaze_y": (-0.3, -0.01)}),
    ("looks down", Controls(gaze_y=0.15), {"gaze_y": (0.01, 0.3), "eye_left": (-0.2, -0.02)}),
    ("brows up", Controls(brow_right=1, brow_left=1), {"brow_right": (0.03, 0.15), "brow_left": (0.03, 0.15)}),
    ("left brow up", Controls(brow_left=1), {"brow_left": (0.03, 0.15), "brow_right": (-0.03, 0.025)}),
    ("mouth opens", Controls(jaw_open=0.6), {"lips_apart": (0.13, 0.35)}),
    ("smile", Controls(smile_right=1, smile_left=1), {"mouth_width": (0.08, 0.3), "lift_right": (0.04, 0.2)}),
    ("left corner smiles", Controls(smile_left=1), {"lift_left": (0.04, 0.2), "lift_right": (-0.04, 0.035)}),
    ("corners down", Controls(corners_down=1), {"lift_right": (-0.2, -0.03), "lift_left": (-0.2, -0.03)}),
    ("lips pressed", Controls(press=1), {"lips_apart": (-0.05, 0.02), "mouth_width": (0, 0.1)}),
    ("pout", Controls(pout=1), {"mouth_width": (-0.4, -0.06)}),
    ("jaw to her left", Controls(jaw_side=1), {"chin_x": (0.01, 0.2)}),
    ("turns to her left", Controls(yaw=20), {"yaw": (10, 30), "roll": (-8, 8)}),
    ("turns to her right", Controls(yaw=-20), {"yaw": (-30, -10), "roll": (-8, 8)}),
    ("head up", Controls(pitch=14), {"pitch": (7, 25)}),
    ("head down", Controls(pitch=-14), {"pitch": (-25, -7)}),
    ("tilts to her left shoulder", Controls(roll=18), {"roll": (14, 22)}),
]  # fmt: skip


@pytest.mark.parametrize(("controls", "changes"), [m[1:] for m in MOVED], ids=[m[0] for m in MOVED])
def test_the_mesh_sees_the_move(
    puppet: Puppet, ruler: Ruler, at_rest: dict[str, float], controls: Controls, changes: dict[str, tuple[float, float]]
) -> None:
    seen = ruler.measure(puppet, controls)
    for name, (least, most) in changes.items():
        assert least <= seen[name] - at_rest[name] <= most, f"{name}: {at_rest[name]:.3f} → {seen[name]:.3f}"


def test_landmarks_are_drawn_where_they_are_said_to_be(puppet: Puppet, ruler: Ruler) -> None:
    state = Controls(yaw=12, roll=8, smile_right=0.7, smile_left=0.7, jaw_open=0.2)
    seen = ruler.landmarks(puppet, puppet.render(state))[:468, :2]
    errors = np.linalg.norm(seen - puppet.points(state), axis=1) / puppet.frame.unit
    assert np.median(errors) < 0.035


def test_the_photo_itself_is_shown_when_nothing_moves(smiling: Puppet) -> None:
    difference = np.abs(smiling.render(Controls()).astype(int) - smiling.image)
    assert difference.mean() < 0.5


def test_the_background_stays_when_the_head_turns(puppet: Puppet) -> None:
    turned = puppet.render(Controls(yaw=20, pitch=8)).astype(int)
    rest = puppet.render(Controls()).astype(int)
    edge = np.abs(turned - rest)
    assert edge[:8].mean() < 1 and edge[:, :8].mean() < 1 and edge[:, -8:].mean() < 1


def test_neutral_pulls_the_smile_back_and_shuts_the_lips(puppet: Puppet, smiling: Puppet) -> None:
    assert smiling.lip_gap(smiling.rest) > 0.08 and smiling.corner_lift(smiling.rest) > 0.09
    assert puppet.lip_gap(puppet.rest) < 0.02 and puppet.corner_lift(puppet.rest) < 0.05


def test_a_photo_without_a_face_is_refused() -> None:
    with pytest.raises(InputError, match="no face"):
        Puppet.from_photo(np.full((200, 200, 3), 90, np.uint8))


def test_the_demo_names_the_pip_line_when_the_portrait_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install scikit-image"):
        demo.astronaut()
