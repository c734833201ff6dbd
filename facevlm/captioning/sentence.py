"""The sentence of a caption and the measured fact of appearance: what the words are made from and made of."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AppearanceValue:
    """One measured fact of how a person looks, with a confidence in [0, 1]."""

    value: str
    confidence: float


@dataclass(frozen=True)
class Sentence:
    """One sentence of a caption.

    Attributes:
        text: Begins with a capital and ends with a full stop.
        events: Ids of the events it names, in order of start; empty unless `kind` is "action" or "model".
        kind: "action" (names at least one event), "appearance" (how the person looks), "visibility" (comes into or
            leaves the picture), "still" (no obvious change), or "model" (a model's words; its events are those measured
            that the words match).
        paragraph: Number of the paragraph, from 0.
    """

    text: str
    events: tuple[int, ...] = ()
    kind: str = "action"
    paragraph: int = 0
