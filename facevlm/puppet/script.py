"""A script: timed moves over a little idle motion; written by hand or drawn at random from a seed."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from facevlm.errors import UsageError
from facevlm.expression.event import ACTIONS
from facevlm.puppet.controls import CONTROLS, Controls
from facevlm.puppet.moves import LIMITS, RECIPES, TAU, Move

PAUSE = 0.3  # seconds of rest between two moves of one region
STRENGTH_SHARES = {"slight": 0.25, "clear": 0.45, "strong": 0.30}
ONE_SIDED_SHARE = {"brow_raise": 0.25, "eyes_squint": 0.2, "smile": 0.2}
IDLE = {"yaw": 1.0, "pitch": 0.7, "roll": 0.6, "shift_x": 0.008, "shift_y": 0.006, "gaze_x": 0.008, "gaze_y": 0.005}
BLINDING = {"eyes_closed", "blink", "wink"}  # no gaze can be seen meanwhile


@dataclass(frozen=True)
class Idle:
    """Small unscripted motion: slow sums of sines, too small for any event.

    Attributes:
        seed: Of the phases.
        amount: 1 is a person holding still, 3 a lively one, 0 a statue.
        drift: Degrees by which the head's pose wanders through the clip; a distractor. Below half of a slight turn.
    """

    seed: int = 0
    amount: float = 1.0
    drift: float = 0.0

    def controls(self, t: float) -> dict[str, float]:
        """What idling adds at a time."""
        rng = np.random.default_rng([self.seed, 77])
        result = {}
        for name, size in IDLE.items():
            rates, phases = rng.uniform([0.11, 0.31, 0.7], [0.2, 0.5, 1.1]), rng.uniform(0, TAU, 3)
            wave = sum(w * math.sin(TAU * r * t + p) for w, r, p in zip((0.55, 0.3, 0.15), rates, phases, strict=True))
            result[name] = self.amount * size * wave
        for name in ("yaw", "pitch", "roll"):
            rate, phase = rng.uniform(0.03, 0.08), rng.uniform(0, TAU)
            result[name] += self.drift * (1.0 if name == "yaw" else 0.6) * math.sin(TAU * rate * t + phase)
        return result


@dataclass(frozen=True)
class Script:
    """What one face does.

    Attributes:
        moves: Any number of moves; those of one control add up.
        duration: Seconds.
        idle: Unscripted motion.
    """

    moves: tuple[Move, ...]
    duration: float
    idle: Idle = field(default_factory=Idle)

    def controls(self, t: float) -> Controls:
        """State of the face at a time."""
        total = dict.fromkeys(CONTROLS, 0.0)
        for part in (self.idle.controls(t), *(move.controls(t) for move in self.moves if move.t0 <= t <= move.t1)):
            for name, value in part.items():
                total[name] += value
        for name, (low, high) in LIMITS.items():
            total[name] = min(max(total[name], low), high)
        return Controls(**total)


def random_script(
    seed: int,
    duration: float,
    *,
    actions: Iterable[str] | None = None,
    rate: float = 1.0,
    strengths: dict[str, float] | None = None,
    idle: Idle | None = None,
) -> Script:
    """Draw a plausible sequence of moves.

    Moves of one region of the face never overlap and rest between each other; moves of different regions often do (a
    blink during a smile, a head turn while speaking). No gaze is shifted under closed lids.

    Args:
        seed: The same seed gives the same script.
        duration: Seconds.
        actions: Which actions to draw from, evenly; default all of `RECIPES`; none: nothing happens.
        rate: Moves a second; as many as fit.
        strengths: Share of each strength; default `STRENGTH_SHARES`.
        idle: Unscripted motion; default drawn, one in three with a drifting head.

    Raises:
        UsageError: An action that puppets cannot do, or no positive duration.
    """
    names = sorted(RECIPES if actions is None else actions)
    unknown = [name for name in names if name not in RECIPES]
    if unknown:
        raise UsageError(f"a puppet cannot do {unknown[0]!r}", mend=f"use some of {', '.join(RECIPES)}")
    if not duration > 0:
        raise UsageError(f"a script of {duration} s", mend="give a positive duration")
    rng = np.random.default_rng(seed)
    shares = strengths or STRENGTH_SHARES
    idle = idle or Idle(seed, rng.uniform(0.5, 1.6), rng.uniform(1.0, 3.0) if rng.random() < 1 / 3 else 0.0)
    moves: list[Move] = []
    wanted = round(duration * rate) if names else 0
    deck: list[str] = []
    for _ in range(wanted * 12):
        if len(moves) >= wanted:
            break
        if not deck:
            deck = [names[i] for i in rng.permutation(len(names))]
        move = _draw(rng, deck.pop(), duration, shares)
        if move is not None and not any(_clash(move, other) for other in moves):
            moves.append(move)
    return Script(tuple(sorted(moves, key=lambda move: (move.t0, move.action))), duration, idle)


def _draw(rng: np.random.Generator, action: str, duration: float, shares: dict[str, float]) -> Move | None:
    recipe = RECIPES[action]
    length = float(np.exp(rng.uniform(*np.log(recipe.seconds))))
    room = duration - length - 0.3
    if room <= 0.2:
        return None
    t0 = float(rng.uniform(0.2, 0.2 + room - 0.1)) if room > 0.1 else 0.2
    side = None
    if action in ("wink", "jaw_sideways") or rng.random() < ONE_SIDED_SHARE.get(action, 0):
        side = str(rng.choice(["left", "right"]))
    onset = float(rng.uniform(*recipe.onset))
    return Move(
        action, round(t0, 3), round(t0 + length, 3),
        strength=str(rng.choice(list(shares), p=np.array(list(shares.values())) / sum(shares.values()))),
        side=side, onset_s=round(onset, 3), offset_s=round(onset * float(rng.uniform(1.0, 1.5)), 3),
        scale=round(float(rng.uniform(0.94, 1.06)), 3), teeth=bool(rng.random() < 0.5), seed=int(rng.integers(1000)),
    )  # fmt: skip


def _clash(move: Move, other: Move) -> bool:
    apart = max(move.t0, other.t0) - min(move.t1, other.t1)
    if apart >= PAUSE:
        return False
    first, second = ACTIONS[move.action].region, ACTIONS[other.action].region
    regions = {first, second}
    mouths = {"mouth", "cheeks", "nose"}
    if first == second or regions <= mouths:
        return True
    if regions <= {"nose", "brows"} or (regions == {"gaze", "eyes"} and apart < 0.1):
        return bool(regions != {"gaze", "eyes"} or {move.action, other.action} & BLINDING)
    return False
