"""The level each signal has when the face rests: the person's own median, held near what faces in general have.

A state that fills the clip would vanish into the person's own median (someone who smiles all the time), so the median may
leave the general level only by a band. General levels and bands are those of neutral faces (`benchmarks/rest_levels.py`).
"""

import numpy as np

from facevlm.expression.event import SignalTable

# name: (general level, band), in the unit of the signal
GENERAL: dict[str, tuple[float, float]] = {
    "lid_left": (0.28, 0.08),
    "lid_right": (0.28, 0.08),
    "brow_inner_left": (0.25, 0.045),
    "brow_inner_right": (0.25, 0.045),
    "brow_outer_left": (0.20, 0.045),
    "brow_outer_right": (0.20, 0.045),
    "brow_distance": (0.31, 0.03),
    "mouth_aperture": (0.0, 0.01),
    "mouth_width": (0.55, 0.05),
    "corner_left": (-0.005, 0.02),
    "corner_right": (-0.005, 0.02),
    "lip_height": (0.20, 0.05),
    "mouth_shift": (0.0, 0.025),
    "jaw_shift": (0.0, 0.03),
    "nose_lip": (0.165, 0.035),
    "nose_height": (0.44, 0.04),
    "cheek_left": (0.285, 0.025),
    "cheek_right": (0.285, 0.025),
}
LID_SHUT = 0.5  # of the open level: below, brows and gaze are not looked at, because the mesh moves them along


def rest_levels(table: SignalTable) -> dict[str, float]:
    """Rest level of every signal in `GENERAL`, in the signal's unit.

    Lids: the level of the open eye, the 75th percentile of the person's frames.
    """
    levels = {}
    for name, (general, band) in GENERAL.items():
        values = table.values[name]
        values = values[np.isfinite(values)]
        own = general if len(values) == 0 else float(np.percentile(values, 75 if name.startswith("lid") else 50))
        levels[name] = float(np.clip(own, general - band, general + band))
    return levels
