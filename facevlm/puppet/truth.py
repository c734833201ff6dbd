"""Ground truth of a puppet's clip: what can be seen, whether the script asked for it or the photo shows it anyway."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from facevlm.puppet.controls import Controls
from facevlm.puppet.moves import RECIPES, Move
from facevlm.puppet.puppet import Puppet
from facevlm.puppet.script import Script

PARTED, GAPING, WIDE = 0.05, 0.12, 0.24  # opening of the lips in outer-eye distances: slight, clear, strong from here
CLOSED_AGAIN = 0.03
SNAPS_S, STAYS_S = 0.15, 0.25  # seconds within which a mouth that shuts at once is shut, and for which it stays so
SMILING, SMILING_SURE = 0.05, 0.09  # lift of the mouth corners over the middle of the lips, outer-eye distances
SHUT_MOUTH = ("lip_press", "pout", "mouth_corner_down", "cheek_puff", "smile", "speaking", "laugh", "jaw_sideways")
STEP = 1 / 60  # seconds between looks at the mesh
ALONG = {  # what else a move may honestly be called: neither a miss nor a false alarm
    "head_nod": (("head_down", None), ("head_up", None)),
    "head_shake": (("head_turn_left", "right"), ("head_turn_right", "left")),
    "laugh": (("eyes_squint", None),),
    "cheek_puff": (("lip_press", None),),
    "nose_wrinkle": (("brow_furrow", None), ("eyes_squint", None)),
    "gaze_up": (("eyes_widen", None),),
    "gaze_down": (("eyes_squint", None),),
}


@dataclass(frozen=True)
class GroundTruth:
    """One visible event.

    Attributes:
        action: A key of `facevlm.expression.event.ACTIONS`.
        t0: Visible from, in seconds from the first displayed frame.
        t1: Visible until.
        strength: "slight", "clear" or "strong".
        image_side: "left" or "right" in the picture, None where no side applies.
        sure: Whether missing it is a mistake; finding it never is.
        note: Why it is there, where no move asked for it.
    """

    action: str
    t0: float
    t1: float
    strength: str
    image_side: str | None = None
    sure: bool = True
    note: str = ""

    def record(self, who: str) -> dict[str, Any]:
        """As an event of an annotation file (`who`, `t0`, `t1`, `action`, `strength`, `sure`, `image_side`, `note`)."""
        result: dict[str, Any] = {
            "who": who, "t0": round(self.t0, 3), "t1": round(self.t1, 3), "action": self.action,
            "strength": self.strength, "sure": self.sure,
        }  # fmt: skip
        if self.image_side:
            result["image_side"] = self.image_side
        if self.note:
            result["note"] = self.note
        return result


def truth_of(puppet: Puppet, script: Script) -> tuple[GroundTruth, ...]:
    """All visible events of a script played by a puppet, by time.

    Moves count from where they are large enough to be seen. An opening and closing mouth is measured on the moved mesh,
    because it depends on the photo's own lips; so is what the photo's face does at rest.
    """
    gaping = puppet.lip_gap(puppet.rest) > PARTED
    found = [event for move in script.moves for event in _of_move(move, gaping)]
    found += _mouth(puppet, script)
    found += _rest(puppet, script)
    return tuple(sorted(found, key=lambda event: (event.t0, event.t1, event.action)))


def _of_move(move: Move, gaping: bool) -> list[GroundTruth]:
    span = move.visible()
    if span is None or move.action == "mouth_open":  # openings of the mouth are measured
        return []
    strength = RECIPES[move.action].strength(move.size)
    if gaping and move.action in SHUT_MOUTH:  # the photo's mouth stands open: nothing can be said of pressed lips
        return [GroundTruth(move.action, *span, strength, move.image_side, False, "done with an open mouth")]
    event = GroundTruth(move.action, *span, strength, move.image_side)
    result = [event]
    for action, side in ALONG.get(move.action, ()):
        result.append(replace(event, action=action, image_side=side, sure=False, note=f"part of {move.action}"))
    if move.action == "wink":
        result.append(replace(event, action="eyes_squint", sure=False, note="part of wink"))
    if move.action == "smile" and move.side and move.size < 0.6:
        result[0] = replace(event, sure=False, note="a faint smile of one side")
    return result


def _mouth(puppet: Puppet, script: Script) -> list[GroundTruth]:
    """Openings of the lips (but not each syllable of speech) and the closings that end them."""
    times = np.arange(0, script.duration + STEP / 2, STEP)
    gaps = np.array([puppet.lip_gap(puppet.at_rest(script.controls(t))) for t in times])
    talk = [move for move in script.moves if move.action == "speaking"]
    result = []
    for first, last in _runs(gaps, PARTED, CLOSED_AGAIN):
        peak = float(gaps[first : last + 1].max())
        t0, t1 = float(times[first]), float(times[last])
        inside = any(move.t0 - 0.1 <= t0 and t1 <= move.t1 + 0.1 for move in talk)
        strength = "strong" if peak >= WIDE else "clear" if peak >= GAPING else "slight"
        whole = first == 0 and last == len(times) - 1
        overlaps = any(move.t0 < t1 and t0 < move.t1 for move in talk)
        note = "a syllable" if inside else "the photo's mouth is open" if whole else ""
        sure = not inside and not overlaps and peak >= 0.06
        result.append(GroundTruth("mouth_open", t0, t1, strength, None, sure, note))
        if last < len(times) - 1 and not inside:
            falling = np.flatnonzero(gaps[first : last + 1] >= max(0.85 * peak, PARTED))
            start = float(times[first + falling[-1]])
            after = gaps[last + 1 : last + 1 + round(STAYS_S / STEP)]
            stays = len(after) == round(STAYS_S / STEP) and float(after.max()) < CLOSED_AGAIN
            snaps = peak >= GAPING and t1 - start <= SNAPS_S and stays and not overlaps
            result.append(GroundTruth("mouth_close", start, t1, strength, None, snaps, "end of mouth_open"))
    return result


def _rest(puppet: Puppet, script: Script) -> list[GroundTruth]:
    """What the face does through the whole clip before anything moves."""
    rest = puppet.at_rest(Controls())
    lift = puppet.corner_lift(rest)
    if lift < SMILING:
        return []
    strength = "clear" if lift >= SMILING_SURE else "slight"
    return [GroundTruth("smile", 0.0, script.duration, strength, None, lift >= SMILING_SURE, "the photo's own smile")]


def _runs(values: np.ndarray, on: float, off: float) -> list[tuple[int, int]]:
    """First and last index of each stretch that reaches `on`, as far as it stays above `off`."""
    runs = []
    above = np.flatnonzero(np.diff(np.concatenate([[0], (values >= off).astype(int), [0]])))
    for first, end in above.reshape(-1, 2):
        if values[first:end].max() >= on:
            runs.append((int(first), int(end) - 1))
    return runs
