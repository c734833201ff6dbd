"""How strong is strong: the levels from which an event is clear or strong."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Grade:
    """Levels from which an event is clear or strong, in the unit of the action's level."""

    clear: float
    strong: float


GRADES: dict[str, Grade] = {
    "blink": Grade(0.45, 9.0),
    "eyes_closed": Grade(0.5, 0.95),
    "wink": Grade(0.6, 0.9),
    "eyes_squint": Grade(0.30, 0.5),
    "eyes_widen": Grade(0.2, 0.35),
    "brow_raise": Grade(0.038, 0.08),
    "brow_furrow": Grade(1.3, 3.2),
    "mouth_open": Grade(0.11, 0.30),
    "mouth_close": Grade(0.12, 0.30),
    "speaking": Grade(0.06, 0.25),
    "smile": Grade(0.125, 0.20),
    "laugh": Grade(0.22, 0.32),
    "lip_press": Grade(0.12, 0.3),
    "pout": Grade(0.10, 0.2),
    "mouth_corner_down": Grade(0.025, 0.05),
    "jaw_sideways": Grade(0.06, 0.12),
    "head_turn_left": Grade(10.0, 25.0),
    "head_turn_right": Grade(10.0, 25.0),
    "head_tilt_left": Grade(12.0, 20.0),
    "head_tilt_right": Grade(12.0, 20.0),
    "head_up": Grade(7.5, 15.0),
    "head_down": Grade(7.5, 15.0),
    "head_nod": Grade(5.0, 10.0),
    "head_shake": Grade(7.0, 15.0),
    "gaze_left": Grade(0.11, 0.2),
    "gaze_right": Grade(0.11, 0.2),
    "gaze_up": Grade(0.07, 0.13),
    "gaze_down": Grade(0.07, 0.13),
}
