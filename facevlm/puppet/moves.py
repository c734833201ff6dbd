"""Timed moves of a face: what each action does to the controls, how large it is, and how it begins and ends."""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from facevlm.errors import UsageError
from facevlm.expression.event import ACTIONS, STRENGTHS
from facevlm.puppet.controls import CONTROLS

TAU = 2 * math.pi
OPPOSITE = {"left": "right", "right": "left"}


@dataclass(frozen=True)
class Move:
    """One action of the face.

    Attributes:
        action: A key of `facevlm.expression.event.ACTIONS` that `RECIPES` has.
        t0: When the muscle starts to move, in seconds.
        t1: When it is back at rest, in seconds.
        strength: "slight", "clear" or "strong".
        side: The subject's "left" or "right" for actions that can be on one side only; None is both. Directions of head
            and gaze are in the action's name.
        onset_s: Seconds of the rise.
        offset_s: Seconds of the fall.
        scale: Factor on the size of the strength; 0.15 makes a motion too small to count.
        teeth: For smile: whether the lips part.
        seed: Variation of the rhythm of speaking and laughing.
    """

    action: str
    t0: float
    t1: float
    strength: str = "clear"
    side: str | None = None
    onset_s: float = 0.2
    offset_s: float = 0.25
    scale: float = 1.0
    teeth: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.action not in RECIPES:
            raise UsageError(f"a puppet cannot do {self.action!r}", mend=f"use one of {', '.join(RECIPES)}")
        if self.strength not in STRENGTHS:
            raise UsageError(f"unknown strength {self.strength!r}", mend=f"use one of {', '.join(STRENGTHS)}")
        if self.side not in (None, "left", "right"):
            raise UsageError(f"unknown side {self.side!r}", mend='use "left", "right" or None')
        if self.side is None and self.action in ("wink", "jaw_sideways"):
            raise UsageError(
                f"{self.action} needs a side", mend='give side="left" or side="right" (the subject\'s own)'
            )
        if self.side is not None and not (ACTIONS[self.action].sided and RECIPES[self.action].sided):
            raise UsageError(f"{self.action} cannot be on one side", mend="leave side out")
        if not self.t1 > self.t0 or self.onset_s <= 0 or self.offset_s <= 0:
            raise UsageError(f"{self.action} at {self.t0} s lasts no time", mend="give t1 > t0 and positive ramps")

    @property
    def size(self) -> float:
        """Apex in the unit of the recipe."""
        return RECIPES[self.action].sizes[STRENGTHS.index(self.strength)] * self.scale

    @property
    def image_side(self) -> str | None:
        """Side in the picture, None where none applies."""
        side = self.side
        if self.action.endswith(("_left", "_right")):
            side = self.action.rsplit("_", 1)[1]
        return None if side is None else OPPOSITE[side]

    def activation(self, t: np.ndarray | float) -> np.ndarray:
        """Course in [0, 1] of the move: minimum-jerk rise and fall (Flash & Hogan 1985) around a plateau."""
        length = self.t1 - self.t0
        rise, fall = self.onset_s, self.offset_s
        if rise + fall > length:
            rise, fall = rise * length / (rise + fall), fall * length / (rise + fall)
        return _min_jerk((np.asarray(t, float) - self.t0) / rise) * _min_jerk((self.t1 - np.asarray(t, float)) / fall)

    def visible(self) -> tuple[float, float] | None:
        """Span in which the move can be seen; None where it never gets large enough."""
        times = np.linspace(self.t0, self.t1, 2001)
        seen = times[self.activation(times) * self.size >= RECIPES[self.action].seen_from]
        return (float(seen[0]), float(seen[-1])) if len(seen) else None

    def controls(self, t: float) -> dict[str, float]:
        """What the move adds to the controls at a time."""
        amount = float(self.activation(t))
        return RECIPES[self.action].act(self, amount, t - self.t0) if amount > 0 else {}


class Act(Protocol):
    """Turns a move's activation and its own time into controls."""

    def __call__(self, move: Move, amount: float, t: float, /) -> dict[str, float]: ...


@dataclass(frozen=True)
class Recipe:
    """How a puppet does an action.

    Attributes:
        sizes: Apex for slight, clear and strong (clear again where there is no more): share of the strongest muscle
            movement, degrees, or eye widths.
        act: Activation → controls.
        seconds: Shortest and longest natural duration.
        onset: Shortest and longest rise in seconds; the fall takes up to half longer.
        sided: Whether it can be on one side.
        seen_from: Size from which it can be seen; three tenths of a slight one.
    """

    sizes: tuple[float, float, float]
    act: Act
    seconds: tuple[float, float]
    onset: tuple[float, float]
    sided: bool = False

    @property
    def seen_from(self) -> float:
        """Size from which the action can be seen."""
        return 0.3 * self.sizes[0]

    def strength(self, size: float) -> str:
        """Name of a size; the limits lie at the geometric means."""
        slight, clear, strong = self.sizes
        if clear == strong:  # shut eyes cannot be shut more
            return "slight" if size < math.sqrt(slight * clear) else "clear"
        if size < math.sqrt(slight * clear):
            return "slight"
        return "clear" if size < math.sqrt(clear * strong) else "strong"


def _scaled(**weights: float) -> Act:
    def act(move: Move, amount: float, t: float, /) -> dict[str, float]:
        return {name: weight * amount * move.size for name, weight in weights.items()}

    return act


def _sided(**weights: float) -> Act:
    """Controls named without their side; both sides unless the move has one."""

    def act(move: Move, amount: float, t: float, /) -> dict[str, float]:
        sides = ("right", "left") if move.side is None else (move.side,)
        result = {}
        for name, weight in weights.items():
            for side in sides:
                result[f"{name}_{side}"] = weight * amount * move.size
        return result

    return act


def _smile(move: Move, amount: float, t: float, /) -> dict[str, float]:
    result = _sided(smile=1.0)(move, amount, t)
    if move.teeth:
        result["part"] = amount * (0.5 + 0.5 * move.size)
    return result


def _wink(move: Move, amount: float, t: float, /) -> dict[str, float]:
    side = move.side or "right"
    return {f"close_{side}": amount * move.size, f"squint_{side}": 0.35 * amount, f"smile_{side}": 0.10 * amount}


def _jaw(move: Move, amount: float, t: float, /) -> dict[str, float]:
    return {"jaw_side": amount * move.size * (1 if move.side == "left" else -1)}


def _speak(move: Move, amount: float, t: float, /) -> dict[str, float]:
    """Syllables at 3 to 5 a second with varied depth; now and then the lips meet or round."""
    rng = np.random.default_rng(move.seed)
    rate = rng.uniform(3.2, 4.8)
    syllables = int((move.t1 - move.t0) * rate) + 2
    depth, width = rng.uniform(0.45, 1.15, syllables), rng.uniform(-0.9, 0.8, syllables)
    warped = t * rate + 0.25 * math.sin(t * 2.1 + move.seed)
    number = min(max(int(warped), 0), syllables - 1)
    beat = math.sin(math.pi * (warped - math.floor(warped))) ** 1.5
    return {
        "jaw_open": amount * move.size * depth[number] * beat,
        "wide": amount * 0.6 * width[number] * beat,
        "part": 0.25 * amount * beat,
    }


def _laugh(move: Move, amount: float, t: float, /) -> dict[str, float]:
    rate = 4.0 + (move.seed % 7) * 0.15
    shake = math.sin(TAU * rate * t)
    return {
        **{f"smile_{side}": 0.9 * amount for side in ("right", "left")},
        **{f"squint_{side}": 0.5 * amount for side in ("right", "left")},
        "part": 0.5 * amount,
        "jaw_open": amount * move.size * (0.8 + 0.2 * shake),
        "pitch": amount * (3.0 + 0.8 * shake),
        "shift_y": 0.008 * amount * shake,
    }


def _swing(control: str, rate: float, start: float) -> Act:
    """There and back around the rest, a whole number of times."""

    def act(move: Move, amount: float, t: float, /) -> dict[str, float]:
        length = move.t1 - move.t0
        cycles = max(1, round(length * rate))
        side = start * (-1 if move.seed % 2 and control == "yaw" else 1)
        return {control: side * amount * move.size * math.sin(TAU * cycles * t / length)}

    return act


RECIPES: dict[str, Recipe] = {
    "blink": Recipe((0.72, 1.0, 1.0), _sided(close=1.0), (0.16, 0.34), (0.07, 0.12)),
    "wink": Recipe((0.85, 1.0, 1.0), _wink, (0.3, 0.8), (0.09, 0.15), sided=True),
    "eyes_closed": Recipe((0.90, 1.0, 1.0), _sided(close=1.0), (0.6, 2.5), (0.10, 0.25)),
    "eyes_widen": Recipe((0.16, 0.26, 0.38), _sided(close=-1.0), (0.4, 1.8), (0.10, 0.25)),
    "eyes_squint": Recipe((0.40, 0.70, 1.0), _sided(squint=1.0), (0.5, 2.0), (0.15, 0.35), sided=True),
    "brow_raise": Recipe((0.40, 0.68, 1.0), _sided(brow=1.0), (0.4, 2.0), (0.12, 0.30), sided=True),
    "brow_furrow": Recipe((0.45, 0.75, 1.1), _scaled(furrow=1.0), (0.5, 2.5), (0.15, 0.40)),
    "mouth_open": Recipe((0.14, 0.32, 0.70), _scaled(jaw_open=1.0), (0.3, 1.8), (0.12, 0.30)),
    "speaking": Recipe((0.14, 0.25, 0.42), _speak, (1.0, 4.0), (0.10, 0.20)),
    "smile": Recipe((0.45, 0.72, 1.05), _smile, (0.8, 3.5), (0.25, 0.60), sided=True),
    "laugh": Recipe((0.22, 0.34, 0.50), _laugh, (1.2, 2.8), (0.25, 0.45)),
    "lip_press": Recipe((0.50, 0.78, 1.05), _scaled(press=1.0), (0.4, 1.8), (0.12, 0.30)),
    "pout": Recipe((0.45, 0.75, 1.1), _scaled(pout=1.0), (0.5, 2.0), (0.15, 0.35)),
    "mouth_corner_down": Recipe((0.45, 0.75, 1.1), _scaled(corners_down=1.0), (0.5, 2.0), (0.15, 0.35)),
    "cheek_puff": Recipe((0.45, 0.75, 1.1), _scaled(puff=1.0, press=0.4), (0.6, 1.8), (0.15, 0.35)),
    "nose_wrinkle": Recipe((0.45, 0.75, 1.1), _scaled(wrinkle=1.0), (0.4, 1.5), (0.12, 0.25)),
    "jaw_sideways": Recipe((0.40, 0.70, 1.05), _jaw, (0.4, 1.5), (0.15, 0.30), sided=True),
    "head_turn_left": Recipe((9.0, 15.0, 24.0), _scaled(yaw=1.0), (0.8, 2.8), (0.25, 0.60)),
    "head_turn_right": Recipe((9.0, 15.0, 24.0), _scaled(yaw=-1.0), (0.8, 2.8), (0.25, 0.60)),
    "head_tilt_left": Recipe((8.0, 13.0, 20.0), _scaled(roll=1.0), (0.8, 2.8), (0.25, 0.60)),
    "head_tilt_right": Recipe((8.0, 13.0, 20.0), _scaled(roll=-1.0), (0.8, 2.8), (0.25, 0.60)),
    "head_up": Recipe((7.0, 11.0, 15.0), _scaled(pitch=1.0), (0.8, 2.5), (0.25, 0.50)),
    "head_down": Recipe((7.0, 11.0, 15.0), _scaled(pitch=-1.0), (0.8, 2.5), (0.25, 0.50)),
    "head_nod": Recipe((5.0, 8.0, 12.0), _swing("pitch", 1.9, -1.0), (0.8, 2.0), (0.10, 0.20)),
    "head_shake": Recipe((6.0, 10.0, 16.0), _swing("yaw", 1.7, 1.0), (0.9, 2.2), (0.10, 0.20)),
    "gaze_left": Recipe((0.09, 0.14, 0.20), _scaled(gaze_x=1.0), (0.4, 2.0), (0.05, 0.09)),
    "gaze_right": Recipe((0.09, 0.14, 0.20), _scaled(gaze_x=-1.0), (0.4, 2.0), (0.05, 0.09)),
    "gaze_up": Recipe((0.07, 0.11, 0.15), _scaled(gaze_y=-1.0), (0.4, 2.0), (0.05, 0.09)),
    "gaze_down": Recipe((0.07, 0.11, 0.15), _scaled(gaze_y=1.0), (0.4, 2.0), (0.05, 0.09)),
}

LIMITS = {  # what a face cannot exceed when moves add up
    **{f"close_{side}": (-0.45, 1.0) for side in ("right", "left")},
    **{name: (-1.2, 1.2) for name in CONTROLS if name.startswith(("squint", "brow", "smile"))},
    "furrow": (-1.2, 1.2),
    "jaw_open": (0.0, 1.0),
    "part": (0.0, 1.2),
    "yaw": (-28.0, 28.0),
    "pitch": (-18.0, 18.0),
    "roll": (-24.0, 24.0),
    "gaze_x": (-0.24, 0.24),
    "gaze_y": (-0.18, 0.18),
}


def _min_jerk(t: np.ndarray) -> np.ndarray:
    t = np.clip(t, 0, 1)
    return t**3 * (10 - 15 * t + 6 * t * t)
