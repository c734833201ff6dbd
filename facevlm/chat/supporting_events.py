"""Measured events and a model's words: which events the words match, by the grammar that judges captions."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from facevlm.captioning.captions import caption_text
from facevlm.captioning.sentence import Sentence
from facevlm.description import Description, Person
from facevlm.evaluation.events import SAME, CaptionEvent
from facevlm.evaluation.judges import RuleJudge
from facevlm.exports.labels import VERBS, event_verb, person_name
from facevlm.expression.event import Event


def matching_events(text: str, events: Sequence[Event]) -> list[Event]:
    """The events that a text tells: the same action, to the same side. When and how strong does not matter.

    Args:
        text: An answer, or a sentence of it, in English; left and right are read as the person's own.
        events: Those measured.
    """
    told = _judge().extract(text)
    return [event for event in events if (_judge().relate(_told_as(event.action), told) == SAME).any()]


def in_words(person: Person, text: str) -> Person:
    """The person told in a model's words, each sentence with the person's events that it matches."""
    sentences = tuple(
        Sentence(words, tuple(event.id for event in matching_events(words, person.events)), kind="model", paragraph=k)
        for k, paragraph in enumerate(text.split("\n"))
        for words in re.split(r"(?<=[.!?])\s+", paragraph.strip())
        if words
    )
    return replace(person, sentences=sentences, caption=caption_text(sentences))


def listed_events(description: Description) -> str:
    """The measured events as lines of text, person after person; "none" where there is none."""
    several = len(description.people) > 1
    lines = [
        f"{event.t0:.1f}-{event.t1:.1f} s: {person_name(person) + ' ' if several else ''}{event_verb(event)}"
        for person in description.people
        for event in person.events
    ]
    return "\n".join(lines) or "none"


@cache
def _judge() -> RuleJudge:
    return RuleJudge()


def _told_as(action: str) -> Sequence[CaptionEvent]:
    """What a caption tells that tells of this action."""
    return _judge().extract(f"The person {VERBS[action]}.")
