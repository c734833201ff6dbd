"""The level each signal has when the face rests: the person's own median, held near what faces in general have.

A state that fills the clip would vanish into the person's own median (someone who smiles all the time), so rest may not
lie where only an expression can be: a mouth wider, corners higher, lids lower than any neutral face of those seen. On
the other side people differ (thin lips, narrow mouths, corners that hang), and their own median is taken. The bounds
were set by looking at neutral stretches of about thirty people and are no norms.
"""

from collections.abc import Mapping

import numpy as np

from facevlm.expression.event import SignalTable
from facevlm.expression.runs import Run

# name: (lowest, general, highest) level that can be rest, in the unit of the signal
GENERAL: dict[str, tuple[float, float, float]] = {
    "lid_left": (0.18, 0.28, 0.40),
    "lid_right": (0.18, 0.28, 0.40),
    "brow_inner_left": (0.17, 0.25, 0.31),
    "brow_inner_right": (0.17, 0.25, 0.31),
    "brow_outer_left": (0.12, 0.20, 0.27),
    "brow_outer_right": (0.12, 0.20, 0.27),
    "brow_distance": (0.25, 0.31, 0.40),
    "brow_lines": (0.002, 0.012, 0.1),
    "mouth_aperture": (-0.01, 0.0, 0.01),
    "mouth_width": (0.42, 0.55, 0.60),
    "corner_left": (-0.09, -0.005, 0.015),
    "corner_right": (-0.09, -0.005, 0.015),
    "lip_height": (0.08, 0.20, 0.32),
    "lip_span": (0.08, 0.21, 0.34),
    "mouth_shift": (-0.05, 0.0, 0.05),
}
FINE_PX = 60.0  # px between the outer eye corners, below which lids' small changes, gaze and fine shapes are not judged
LID_SHUT = 0.5  # of the open level: below, brows and gaze are not looked at, because the mesh moves them along


MOUTH_SHAPE = ("mouth_width", "corner_left", "corner_right", "lip_height", "mouth_shift")
MOUTH_SHUT = 0.02  # e: mouth shapes rest with the lips together
NEARLY_SHUT = 0.06  # e: lips that rest a little apart
PERCENTILE = {"lid_left": 75, "lid_right": 75, "brow_lines": 35}  # where the median is not the rest
NARROWEST = 0.08  # ratio: opening of the lids that is not taken for an open eye
ENOUGH_S = 0.25  # seconds of such frames that make a level the person's own


def rest_levels(table: SignalTable) -> dict[str, float]:
    """Rest level of every signal in `GENERAL`, in the signal's unit.

    Lids: the open eye, the 75th percentile. Brows: open eyes only. Mouth shapes: the closed mouth only.
    """
    spent = np.gradient(table.times) if len(table.times) > 1 else np.ones(len(table.times))
    levels: dict[str, float] = {}
    for name, (lowest, general, highest) in GENERAL.items():
        values = lip_span(table.values) if name == "lip_span" else table.values[name]
        usable = np.isfinite(values)
        if name == "lip_span":
            usable &= table.values["mouth_aperture"] < NEARLY_SHUT
        elif name in MOUTH_SHAPE:
            usable &= table.values["mouth_aperture"] < MOUTH_SHUT
        elif name.startswith(("brow_inner", "brow_outer", "brow_distance")):
            lids = [table.values[f"lid_{side}"] / levels[f"lid_{side}"] for side in ("left", "right")]
            usable &= (lids[0] + lids[1]) / 2 > LID_SHUT
        if spent[usable].sum() < ENOUGH_S:
            levels[name] = general
            continue
        own = float(np.percentile(values[usable], PERCENTILE.get(name, 50)))
        levels[name] = float(np.clip(own, lowest, highest))
    _uneven_lids(table, levels)
    return levels


def lip_span(values: Mapping[str, np.ndarray] | Run) -> np.ndarray:
    """Height of the lips from edge to edge, in e: hardly changed by lips that part a little."""
    return values["lip_height"] + np.maximum(values["mouth_aperture"], 0)


def _uneven_lids(table: SignalTable, levels: dict[str, float]) -> None:
    """One eye that is always narrower than any open eye, beside an open one, is how the person looks."""
    for name, other in (("lid_left", "lid_right"), ("lid_right", "lid_left")):
        values = table.values[name][np.isfinite(table.values[name])]
        if len(values) and levels[other] > GENERAL[other][0]:
            levels[name] = min(levels[name], max(float(np.percentile(values, PERCENTILE[name])), NARROWEST))
