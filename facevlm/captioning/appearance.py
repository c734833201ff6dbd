"""How a person is seen: framing, place in the picture, where the head faces. Only what the mesh measures, nothing
guessed.

Hair, skin, glasses or age are not measured here and so not said; a face-attribute model may add them.
"""

import numpy as np

from facevlm.captioning.sentence import AppearanceValue
from facevlm.expression.event import SignalTable

CLOSE_UP, DISTANT = 0.25, 0.06  # outer-eye distance / shorter side of the picture
SIDE = 0.2  # of the picture's width off its centre
TURNED, UP_DOWN = 18.0, 16.0  # degrees
MIN_CONFIDENCE = 0.6


def appearance(table: SignalTable, *, width: int, height: int) -> dict[str, AppearanceValue]:
    """Facts that hold for at least `MIN_CONFIDENCE` of the person's frames; that share is their confidence.

    Args:
        table: The person's signals.
        width: Width of the picture in pixels.
        height: Its height.
    """
    if len(table.times) == 0:
        return {}
    size = table.values["size"] / min(width, height)
    x = table.values["centre_x"] / width - 0.5
    yaw, pitch = table.values["yaw"], table.values["pitch"]
    choices = {
        "framing": {
            "in close-up": size > CLOSE_UP,
            "seen from a distance": size < DISTANT,
            "": (size >= DISTANT) & (size <= CLOSE_UP),
        },
        "position": {
            "on the left of the picture": x < -SIDE,
            "on the right of the picture": x > SIDE,
            "": np.abs(x) <= SIDE,
        },
        "facing": {
            "facing the camera": (np.abs(yaw) < TURNED) & (np.abs(pitch) < UP_DOWN + 6),
            "with the head turned to their left": yaw >= TURNED,
            "with the head turned to their right": yaw <= -TURNED,
        },
    }
    found = {}
    for name, options in choices.items():
        shares = {value: float(np.mean(holds)) for value, holds in options.items()}
        value = max(shares, key=lambda v: shares[v])
        if value and shares[value] >= MIN_CONFIDENCE:
            found[name] = AppearanceValue(value, round(shares[value], 3))
    return found
