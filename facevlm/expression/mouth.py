"""What the mouth does: open, close, speak, smile, press, pout, corners down, pulled aside."""

from dataclasses import replace

import numpy as np

from facevlm.expression.candidate import Candidate, candidate, during
from facevlm.expression.rest import FINE_PX, lip_span
from facevlm.expression.runs import STEP_S, Run, faded, hysteresis, smooth, tops

OPEN_ON, OPEN_OFF = 0.10, 0.05  # e between the lips
OPEN_IN_SMILE = 0.15  # e: a toothy smile parts the lips anyway
LAUGH_ON, LAUGH_OFF = 0.21, 0.15  # e between the lips of a smile
CLOSED = 0.02  # e
CLOSE_FROM, CLOSE_WITHIN_S, CLOSE_STAYS_S = 0.12, 0.14, 0.2
SPEECH_PROMINENCE, SPEECH_GAP_S, SPEECH_PEAKS = 0.025, 0.75, 3
MOSTLY = 0.7  # share of speech inside a smile that makes it a laugh if the lips never nearly shut
SMILE_ON, SMILE_OFF = 0.115, 0.06  # e: corner lift + width + half the thinning of the lips
FADED = 0.3  # of its own highest level, below which a smile has ended
SMILE_IN_SPEECH = 0.025  # e more while speaking, whose "ee" shapes look like smiles
ONE_SIDED = 0.045  # e: difference of the corner lifts
PRESS_ON, PRESS_OFF = 0.11, 0.06  # share of the lips' height, from edge to edge, lost
PRESSED = 0.012  # e between lips that are pressed together
POUT_ON, POUT_OFF = 0.085, 0.04  # share of the mouth's width lost, lips not thinner
POUT_ASIDE = 0.2  # share: while the mouth is pulled aside
DOWN_ON, DOWN_OFF = 0.022, 0.010  # e: both corners below rest
ASIDE_ON, ASIDE_OFF = 0.06, 0.035  # e, plus ASIDE_PER_DEGREE for the turn of the head
ASIDE_PER_DEGREE = 0.007
JAW_ON = 0.032  # e: with even corners, so that no one-sided smile is meant
MAX_YAW = 35.0  # degrees: beyond, the far half of the mouth is not seen


def find(run: Run, rest: dict[str, float]) -> list[Candidate]:
    """All mouth and jaw actions of one run."""
    m = _Mouth(run, rest)
    smiles = _smiles(m)
    rhythms = _speaking(m)
    laughing = [r for r in rhythms if _shaken(m, r, smiles)]
    speaking = [r for r in rhythms if r not in laughing]
    found = [s for s in smiles if s.level >= SMILE_ON + (SMILE_IN_SPEECH if _share(s, speaking) > 0.5 else 0)]
    smiling = during(run, found)
    found += _laughs(m, smiling) + [replace(r, action="laugh") for r in laughing]
    found += speaking
    found += _openings(m, smiling, during(run, speaking))
    found += _closings(m, during(run, speaking))
    found += _shapes(m, smiling, during(run, speaking))
    return found


class _Mouth:
    """Mouth signals relative to rest, NaN where the head is turned too far."""

    def __init__(self, run: Run, rest: dict[str, float]) -> None:
        self.run, self.rest = run, rest
        skip = np.abs(run["yaw"]) > MAX_YAW
        get = lambda name: np.where(skip, np.nan, run[name])  # noqa: E731
        self.aperture = get("mouth_aperture")
        self.width = smooth(get("mouth_width") - rest["mouth_width"], 0.03)
        self.corner = {s: smooth(get(f"corner_{s}") - rest[f"corner_{s}"], 0.03) for s in ("left", "right")}
        self.lips = smooth(get("lip_height") / rest["lip_height"] - 1, 0.03)
        self.span = smooth(np.where(skip, np.nan, lip_span(run)) / rest["lip_span"] - 1, 0.03)
        self.shift = smooth(get("mouth_shift") - rest["mouth_shift"], 0.03)
        self.eyes = (run["lid_left"] / rest["lid_left"] + run["lid_right"] / rest["lid_right"]) / 2
        self.yaw_change = np.abs(run["yaw"] - np.nanmedian(run["yaw"]))


def _smiles(m: _Mouth) -> list[Candidate]:
    lift = (m.corner["left"] + m.corner["right"]) / 2
    thinner = -m.lips * m.rest["lip_height"]
    both = lift + m.width + 0.5 * thinner.clip(-0.03, 0.06)
    grimace = _long(m.eyes < 0.4, 0.8) & (lift < 0.06)
    level = np.where(grimace | (lift < 0.008), np.minimum(both, SMILE_OFF), both)
    found = [
        candidate(m.run, s, "smile", level)
        for s in faded(hysteresis(level, SMILE_ON, SMILE_OFF, min_s=0.2, bridge_s=0.15), level, SMILE_ON, FADED)
    ]
    taken = during(m.run, found)
    for side, other in (("left", "right"), ("right", "left")):
        difference = m.corner[side] - m.corner[other]
        one = np.where(taken | (m.width < -0.02) | grimace, np.nan, difference)
        one = np.where(m.corner[side] < 0.012, np.minimum(one, ONE_SIDED * 0.5), one)
        for s in hysteresis(one, ONE_SIDED * 1.2, ONE_SIDED * 0.6, min_s=0.2, bridge_s=0.15):
            found.append(candidate(m.run, s, "smile", difference + 0.07, side))
    return [_with_side(m, f) for f in found]


def _laughs(m: _Mouth, smiling: np.ndarray) -> list[Candidate]:
    """A smile with the mouth wide open."""
    level = np.where(smiling, smooth(m.aperture, 0.08), np.nan)
    return [
        candidate(m.run, s, "laugh", level) for s in hysteresis(level, LAUGH_ON, LAUGH_OFF, min_s=0.4, bridge_s=0.3)
    ]


def _with_side(m: _Mouth, smile: Candidate) -> Candidate:
    """A smile whose one corner is lifted clearly more than the other is one-sided."""
    inside = (m.run.times >= smile.t0) & (m.run.times <= smile.t1)
    difference = float(np.nanmedian((m.corner["left"] - m.corner["right"])[inside]))
    if smile.side is None and abs(difference) > ONE_SIDED:
        side = "left" if difference > 0 else "right"
        return Candidate(smile.action, smile.t0, smile.peak, smile.t1, smile.level, side)
    return smile


def _speaking(m: _Mouth) -> list[Candidate]:
    """Opening and closing in the rhythm of syllables."""
    level = np.nan_to_num(smooth(m.aperture, 0.025), nan=0.0)
    peaks = [top.at for top in tops(level, SPEECH_PROMINENCE)]
    found: list[Candidate] = []
    chain: list[int] = []
    for peak in [*peaks, None]:
        if peak is not None and (not chain or (peak - chain[-1]) * STEP_S <= SPEECH_GAP_S):
            chain.append(peak)
            continue
        if len(chain) >= SPEECH_PEAKS:
            start, stop = chain[0], chain[-1]
            while start > 0 and level[start - 1] > CLOSED and (chain[0] - start) * STEP_S < 0.4:
                start -= 1
            while stop < len(level) - 1 and level[stop + 1] > CLOSED and (stop - chain[-1]) * STEP_S < 0.4:
                stop += 1
            highest = max(chain, key=lambda p: level[p])
            swing = float(np.percentile(level[chain], 75))
            found.append(
                Candidate(
                    "speaking",
                    float(m.run.times[start]),
                    float(m.run.times[highest]),
                    float(m.run.times[stop]),
                    swing,
                )
            )
        chain = [peak] if peak is not None else []
    return found


def _shaken(m: _Mouth, speaking: Candidate, smiles: list[Candidate]) -> bool:
    """Whether what moves like speech is a laugh that shakes an open mouth: in a smile, and it never nearly shuts."""
    if _share(speaking, smiles) < MOSTLY:
        return False
    inside = m.aperture[(m.run.times >= speaking.t0) & (m.run.times <= speaking.t1)]
    return float(np.nanpercentile(inside, 10)) > OPEN_OFF


def _openings(m: _Mouth, smiling: np.ndarray, speaking: np.ndarray) -> list[Candidate]:
    level = np.where(speaking, np.nan, m.aperture)
    found = []
    for s in hysteresis(level, OPEN_ON, OPEN_OFF, min_s=0.06, bridge_s=0.06):
        opening = candidate(m.run, s, "mouth_open", level)
        if smiling[s.start : s.stop].mean() < 0.5 or opening.level >= OPEN_IN_SMILE:
            found.append(opening)
    return found


def _closings(m: _Mouth, speaking: np.ndarray) -> list[Candidate]:
    """A clearly open mouth that shuts at once and stays shut."""
    found = []
    aperture = m.aperture
    shut = np.flatnonzero((aperture[1:] < CLOSED) & (aperture[:-1] >= CLOSED)) + 1
    for end in map(int, shut):
        begin = max(0, end - round(CLOSE_WITHIN_S / STEP_S))
        after = aperture[end : end + round(CLOSE_STAYS_S / STEP_S)]
        before = aperture[max(0, begin - round(0.3 / STEP_S)) : begin + 1]
        drop = float(np.nanpercentile(before, 75)) if np.isfinite(before).any() else 0.0
        if (
            drop >= CLOSE_FROM
            and len(after) * STEP_S >= CLOSE_STAYS_S * 0.9
            and (after < CLOSED * 1.5).all()
            and not speaking[end]
        ):
            found.append(
                Candidate(
                    "mouth_close", float(m.run.times[begin]), float(m.run.times[end]), float(m.run.times[end]), drop
                )
            )
    return found


def _shapes(m: _Mouth, smiling: np.ndarray, speaking: np.ndarray) -> list[Candidate]:
    """Shapes of the closed mouth, and the mouth pulled aside."""
    run, found = m.run, []
    closed = (smooth(m.aperture, 0.03) < 0.03) & ~speaking
    fine = run["size"] > FINE_PX
    narrow = -m.width / m.rest["mouth_width"]
    pressed = smooth(m.aperture, 0.03) < PRESSED
    down = -np.maximum(m.corner["left"], m.corner["right"])
    lower = -(m.corner["left"] + m.corner["right"]) / 2
    limit = ASIDE_PER_DEGREE * m.yaw_change
    aside_found: list[Candidate] = []
    for side, sign in (("left", 1), ("right", -1)):
        even = fine & (np.abs(m.corner["left"] - m.corner["right"]) < ONE_SIDED / 2)
        even &= (m.yaw_change < 5) & (m.width > -0.04)
        moved = np.where(even, (sign * m.shift - limit) * (ASIDE_ON / JAW_ON), sign * m.shift - limit)
        level = np.where((m.width > -0.01) & ~even, np.nan, moved)
        for s in hysteresis(level, ASIDE_ON, ASIDE_OFF, min_s=0.1, bridge_s=0.06):
            aside_found.append(candidate(run, s, "jaw_sideways", sign * m.shift, side))
    aside = during(run, aside_found)
    pout = np.where(closed & fine & (m.lips > -0.04) & (~aside | (narrow > POUT_ASIDE)), narrow, np.nan)
    press = np.where(
        closed & pressed & fine & ~aside & ~smiling & (m.width < 0.08) & (m.width > -0.06) & (lower < 0.02),
        -m.span,
        np.nan,
    )
    drop = np.where(closed & fine & ~aside & (down > 0.006), lower, np.nan)
    for action, level, on, off, min_s in (
        ("pout", pout, POUT_ON, POUT_OFF, 0.2),
        ("lip_press", press, PRESS_ON, PRESS_OFF, 0.28),
        ("mouth_corner_down", drop, DOWN_ON, DOWN_OFF, 0.15),
    ):
        for s in hysteresis(level, on, off, min_s=min_s, bridge_s=0.2):
            found.append(candidate(run, s, action, level))
    return found + aside_found


def _share(one: Candidate, others: list[Candidate]) -> float:
    """Share of a candidate's time in which any of the others goes on."""
    inside = sum(max(0.0, min(one.t1, o.t1) - max(one.t0, o.t0)) for o in others)
    return inside / max(one.t1 - one.t0, 1e-6)


def _long(state: np.ndarray, seconds: float) -> np.ndarray:
    """Keep only the stretches of True that last at least `seconds`."""
    result = np.zeros(len(state), bool)
    for s in hysteresis(state.astype(float), 0.5, 0.5, min_s=seconds):
        result[s.start : s.stop] = True
    return result
