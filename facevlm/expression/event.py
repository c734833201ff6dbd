"""The timed event, the vocabulary of actions, and per-frame signals: what travels from measuring to words and files."""

from dataclasses import dataclass

import numpy as np

STRENGTHS = ("slight", "clear", "strong")


@dataclass(frozen=True)
class Action:
    """One entry of the vocabulary.

    Attributes:
        action_units: FACS action units (Ekman & Friesen 1978; head and eye codes M/AD 51-64 included).
        region: Part of the face it belongs to: "eyes", "brows", "gaze", "mouth", "nose", "cheeks" or "head".
        sided: Whether an event of it can be on one side only.
    """

    action_units: tuple[str, ...]
    region: str
    sided: bool = False


ACTIONS: dict[str, Action] = {
    "blink": Action(("AU45",), "eyes"),
    "wink": Action(("AU46",), "eyes", sided=True),
    "eyes_closed": Action(("AU43",), "eyes"),
    "eyes_widen": Action(("AU5",), "eyes"),
    "eyes_squint": Action(("AU6", "AU7"), "eyes", sided=True),
    "brow_raise": Action(("AU1", "AU2"), "brows", sided=True),
    "brow_furrow": Action(("AU4",), "brows"),
    "mouth_open": Action(("AU25", "AU26"), "mouth"),
    "mouth_close": Action((), "mouth"),
    "speaking": Action((), "mouth"),
    "smile": Action(("AU12",), "mouth", sided=True),
    "laugh": Action(("AU12", "AU25", "AU26"), "mouth"),
    "lip_press": Action(("AU24",), "mouth"),
    "pout": Action(("AU18", "AU22"), "mouth"),
    "mouth_corner_down": Action(("AU15",), "mouth"),
    "tongue_out": Action(("AD19",), "mouth"),
    "cheek_puff": Action(("AD34",), "cheeks"),
    "nose_wrinkle": Action(("AU9",), "nose"),
    "jaw_sideways": Action(("AD30",), "mouth", sided=True),
    "head_turn_left": Action(("AU51",), "head", sided=True),
    "head_turn_right": Action(("AU52",), "head", sided=True),
    "head_tilt_left": Action(("AU55",), "head", sided=True),
    "head_tilt_right": Action(("AU56",), "head", sided=True),
    "head_up": Action(("AU53",), "head"),
    "head_down": Action(("AU54",), "head"),
    "head_nod": Action(("AU53", "AU54"), "head"),
    "head_shake": Action(("AU51", "AU52"), "head"),
    "gaze_left": Action(("AU61",), "gaze", sided=True),
    "gaze_right": Action(("AU62",), "gaze", sided=True),
    "gaze_up": Action(("AU63",), "gaze"),
    "gaze_down": Action(("AU64",), "gaze"),
}


@dataclass(frozen=True)
class Event:
    """One thing a face did.

    Left and right in `action` are the subject's own; `image_side` is the side in the picture.

    Attributes:
        id: Unique in the document, from 1.
        action: A key of `ACTIONS`.
        t0: Start in seconds from the first displayed frame.
        peak: Time of the strongest moment, t0 <= peak <= t1.
        t1: End in seconds.
        strength: "slight", "clear" or "strong".
        score: Probability in [0, 1] that the event is true (calibrated on puppets).
        image_side: "left" or "right" in the picture, None where no side applies.
    """

    id: int
    action: str
    t0: float
    peak: float
    t1: float
    strength: str
    score: float
    image_side: str | None = None

    @property
    def action_units(self) -> tuple[str, ...]:
        """FACS codes of the action."""
        return ACTIONS[self.action].action_units


@dataclass(frozen=True)
class SignalTable:
    """Signals of one person through time.

    Attributes:
        times: float64 (T,) seconds from the first displayed frame, increasing.
        shots: int32 (T,) number of the shot of each row.
        values: name -> float32 (T,), NaN where the signal could not be measured. Names, units and meanings are in
            `facevlm.expression.signals.SIGNALS`.
    """

    times: np.ndarray
    shots: np.ndarray
    values: dict[str, np.ndarray]
