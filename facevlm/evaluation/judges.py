"""Judges read events out of captions and say how they relate; the embedded one is a grammar, without a network."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

import numpy as np

from facevlm.evaluation.events import NONE, OPPOSITE, SAME, CaptionEvent
from facevlm.evaluation.extraction import extract_events
from facevlm.evaluation.lexicon import load_lexicon


class Judge(Protocol):
    """What a judge of captions does.

    Attributes:
        name: Ends the names of its scores (`tem_grammar`), so that scores of different judges are never mixed.
        version: What else identifies it: the version of its words, or of a model and its prompts.
    """

    name: str
    version: str

    def extract(self, caption: str) -> Sequence[CaptionEvent]:
        """The facial events of a caption, in text order."""
        ...

    def relate(self, predicted: Sequence[CaptionEvent], reference: Sequence[CaptionEvent]) -> np.ndarray:
        """How each predicted event relates to each of the reference: int8 (M, N) of SAME, NONE, OPPOSITE."""
        ...

    def entail(self, events: Sequence[CaptionEvent], caption: str) -> np.ndarray:
        """How a caption bears out each event: int8 (M,) of SAME (entailed), NONE (neutral), OPPOSITE (contradicted)."""
        ...


class RuleJudge:
    """The embedded judge: a grammar over the facial-action lexicon.

    It knows facial actions only. An event is entailed by a caption that tells the same, and contradicted by one that
    tells an opposite and nothing that is the same.
    """

    name = "grammar"

    def __init__(self) -> None:
        self._lexicon = load_lexicon()
        self.version = self._lexicon.version
        self._extract = lru_cache(maxsize=4096)(self._read)
        self._relate = lru_cache(maxsize=None)(self._lexicon.relate)

    def extract(self, caption: str) -> Sequence[CaptionEvent]:
        """The facial events of a caption, in text order."""
        return self._extract(caption)

    def relate(self, predicted: Sequence[CaptionEvent], reference: Sequence[CaptionEvent]) -> np.ndarray:
        """How each predicted event relates to each of the reference: int8 (M, N) of SAME, NONE, OPPOSITE."""
        rows = [[self._relate(one.name, other.name) for other in reference] for one in predicted]
        return np.array(rows, dtype=np.int8).reshape(len(predicted), len(reference))

    def entail(self, events: Sequence[CaptionEvent], caption: str) -> np.ndarray:
        """How a caption bears out each event: int8 (M,) of SAME (entailed), NONE (neutral), OPPOSITE (contradicted)."""
        return strongest(self.relate(events, self.extract(caption)), axis=1)

    def _read(self, caption: str) -> tuple[CaptionEvent, ...]:
        return tuple(extract_events(caption, self._lexicon))


def strongest(relations: np.ndarray, *, axis: int) -> np.ndarray:
    """Per event SAME where any other event is the same, else OPPOSITE where any is opposite, else NONE."""
    same, opposite = (relations == SAME).any(axis=axis), (relations == OPPOSITE).any(axis=axis)
    return np.where(same, SAME, np.where(opposite, OPPOSITE, NONE)).astype(np.int8)
