"""Every action of the vocabulary can be said, in every form and strength, and the grammar agrees."""

import re
from itertools import pairwise

import pytest

from facevlm.captioning import grammar
from facevlm.captioning.grammar import BASE, GERUND, HE, SHE, THEY, THIRD, Chooser, say
from facevlm.captioning.phrases import PHRASES
from facevlm.captioning.predicates import background, lasting, predicate
from facevlm.captioning.timeline import DO, END, KEEP, START, STATE, Happening, Mention, happening_of
from facevlm.expression.event import ACTIONS, STRENGTHS, Event


@pytest.mark.parametrize("action", sorted(ACTIONS))
@pytest.mark.parametrize("image_side", [None, "left", "right"])
def test_every_action_has_words(action, image_side):
    happening = happening_of(Event(1, action, 0, 0.1, 0.3, "clear", 0.9, image_side))
    assert happening.key in PHRASES
    assert predicate(Mention(happening), Chooser())


@pytest.mark.parametrize("key", sorted(PHRASES))
@pytest.mark.parametrize("strength", STRENGTHS)
def test_no_placeholder_is_left_and_no_word_is_doubled(key, strength):
    for seed in range(6):
        event = Event(seed + 1, "smile", 0, 1, 5, strength, 0.9)
        happening = Happening(key, (event,), 0, 5, strength, side="left")
        aspects = [DO, *([END, START, STATE, KEEP] if lasting(happening) else [])]
        for aspect in aspects:
            template = predicate(Mention(happening, aspect), Chooser(seed))
            for form in (BASE, THIRD, GERUND):
                text = say(template, form, THEY)
                assert not re.search(r"[{}<>]|  |^ | $", text), text
                assert not re.search(r"\b(\w+) \1\b", text), text
        if lasting(happening):
            assert "{adv}" not in background(happening, Chooser(seed), still=True)[1]


@pytest.mark.parametrize(
    ("lemma", "third", "gerund"),
    [
        ("blink", "blinks", "blinking"),
        ("close", "closes", "closing"),
        ("press", "presses", "pressing"),
        ("nod", "nods", "nodding"),
        ("purse", "purses", "pursing"),
        ("go", "goes", "going"),
        ("be", "is", "being"),
    ],
)
def test_verbs(lemma, third, gerund):
    assert (grammar.verb(lemma, THIRD), grammar.verb(lemma, GERUND)) == (third, gerund)


@pytest.mark.parametrize(("pronouns", "word"), [(THEY, "their"), (HE, "his"), (SHE, "her")])
def test_pronouns(pronouns, word):
    assert say("<close> {their} eyes", GERUND, pronouns) == f"closing {word} eyes"


def test_every_verb_of_the_table_is_inflected_to_a_plausible_word():
    lemmas = {lemma for p in PHRASES.values() for t in (*p.do, *p.start, *p.end) for lemma in re.findall(r"<(\w+)>", t)}
    short = {lemma for lemma in lemmas if re.fullmatch(r"[^aeiou]*[aeiou][bdgmnpt]", lemma)}
    assert {grammar.verb(lemma, GERUND)[len(lemma)] for lemma in short} <= set("bdgmnpt"), short  # doubled consonant


@pytest.mark.parametrize(
    ("count", "exact", "words"),
    [(1, False, "once"), (2, False, "twice"), (3, False, "three times"), (6, False, "several times"),
     (6, True, "six times"), (14, False, "14 times")],
)  # fmt: skip
def test_times(count, exact, words):
    assert grammar.times(count, exact=exact) == words


@pytest.mark.parametrize(
    ("duration", "words"), [(0.5, "about half a second"), (1.2, "about one second"), (3.1, "about three seconds"),
                            (61, "about 61 seconds"), (300, "about five minutes")],
)  # fmt: skip
def test_seconds(duration, words):
    assert grammar.seconds(duration) == words


def test_clock():
    assert [grammar.clock(t) for t in (0, 65.2, 3725)] == ["0:00", "1:05", "1:02:05"]


def test_the_same_words_never_twice_in_a_row_where_there_is_another():
    chooser = Chooser()
    picks = [chooser.pick("slot", ("a", "b", "c"), 7) for _ in range(20)]
    assert all(a != b for a, b in pairwise(picks))
    assert picks == [c.pick("slot", ("a", "b", "c"), 7) for c in [Chooser()] for _ in range(20)]
