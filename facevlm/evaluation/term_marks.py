"""Facial terms in a caption: the words that say which part of the face does what, marked for pages."""

import re
from dataclasses import dataclass

from facevlm.evaluation.judges import RuleJudge
from facevlm.evaluation.lexicon import load_lexicon

KINDS = ("part", "act", "direction")  # of words of the lexicon
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]*|\n+")


@dataclass(frozen=True)
class Stretch:
    """A part of a caption: its text, and the kind of facial term that it is, None for none."""

    text: str
    kind: str | None = None


def marked(caption: str) -> list[Stretch]:
    """A caption cut into terms and what stands between them; together they are the caption.

    Words of the lexicon count as facial terms where their sentence tells a facial event; elsewhere "opens" is a door.
    Those of a phrase that says when ("in the following part of the video") do not.
    """
    judge, lexicon = RuleJudge(), load_lexicon()
    parts: list[Stretch] = []
    for match in _SENTENCE.finditer(caption):
        sentence, lower = match.group(), match.group().lower()
        if len(lower) != len(sentence) or not judge.extract(sentence):
            parts.append(Stretch(sentence))
            continue
        place, phases = 0, [phrase.span() for phrase in lexicon.phases.finditer(lower)]
        for tag in lexicon.tags(lower):
            says_when = any(start < tag.end and tag.start < end for start, end in phases)
            if tag.kind in KINDS and tag.end > tag.start >= place and not says_when:
                parts += [Stretch(sentence[place : tag.start])] if tag.start > place else []
                parts.append(Stretch(sentence[tag.start : tag.end], tag.kind))
                place = tag.end
        parts += [Stretch(sentence[place:])] if place < len(sentence) else []
    return parts
