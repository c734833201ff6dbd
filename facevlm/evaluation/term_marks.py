"""Facial terms in a caption: the words that say which part of the face does what, marked for pages."""

import re
from dataclasses import dataclass

from facevlm.evaluation.judges import RuleJudge
from facevlm.evaluation.lexicon import load_lexicon

KINDS = ("part", "act", "direction")  # of words of the lexicon
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]*|\n+")


@dataclass(frozen=True)
class Run:
    """A stretch of a caption: its text, and the kind of facial term that it is, None for none."""

    text: str
    kind: str | None = None


def marked(caption: str) -> list[Run]:
    """A caption cut into terms and what stands between them; together they are the caption.

    Words of the lexicon count as facial terms where their sentence tells a facial event; elsewhere "opens" is a door.
    """
    judge, lexicon = RuleJudge(), load_lexicon()
    runs: list[Run] = []
    for match in _SENTENCE.finditer(caption):
        sentence, lower = match.group(), match.group().lower()
        if len(lower) != len(sentence) or not judge.extract(sentence):
            runs.append(Run(sentence))
            continue
        place = 0
        for tag in lexicon.tags(lower):
            if tag.kind in KINDS and tag.end > tag.start >= place:
                runs += [Run(sentence[place : tag.start])] if tag.start > place else []
                runs.append(Run(sentence[tag.start : tag.end], tag.kind))
                place = tag.end
        runs += [Run(sentence[place:])] if place < len(sentence) else []
    return runs
