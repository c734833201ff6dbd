"""Captions: the sentences about one person, and the caption of a whole video.

    events → happenings (timeline) → phases → mentions → clauses of what happens together → sentences (writer)

The manner is that of the FDA annotations (FaceTrack-MM): first how the person looks, then what the face does in order.
Every sentence of kind "action" or "summary" names events; every clear or strong event is named by an action sentence.
"""

from collections.abc import Mapping, Sequence

from facevlm.expression.event import Event
from facevlm.expression.feelings import feelings
from facevlm.expression.grammar import Chooser, Pronouns, number
from facevlm.expression.opening import noun_for, opening, pronouns_for
from facevlm.expression.phases import WINDOWS_FROM_S, Phase, cut, fill
from facevlm.expression.presence import Change, changes, often, share, stretches
from facevlm.expression.sentence import AppearanceValue, Sentence
from facevlm.expression.timeline import merge
from facevlm.expression.writer import Writer

THE_PERSON = "the person"  # the name of a person who is the only one


def caption_person(
    events: Sequence[Event],
    *,
    spans: Sequence[tuple[float, float]],
    start: float,
    end: float,
    appearance: Mapping[str, AppearanceValue],
    shots: Sequence[tuple[float, float]] = (),
    name: str = THE_PERSON,
    pronouns: Pronouns | None = None,
    infer: bool = False,
    seed: int = 0,
) -> tuple[Sentence, ...]:
    """The caption of one person, sentence by sentence (`caption_text` joins them).

    Args:
        events: The person's, in any order.
        spans: (start, end) seconds in which the person is seen; none means the whole time.
        start: Start of the described part in seconds from the first displayed frame.
        end: Its end in seconds.
        appearance: Name -> measured value; may be empty.
        shots: (start, end) seconds of each shot.
        name: "the person" where there is one, else a name such as "Person 2".
        pronouns: Default: by the measured gender, else "they".
        infer: Add inferred feelings in brackets.
        seed: Another seed gives other words for the same events.
    """
    end = max(end, start)
    alone = name == THE_PERSON
    felt = feelings(events) if infer else ()
    called = f"the {noun_for(appearance)}" if alone else name
    writer = Writer(called, pronouns or pronouns_for(appearance), Chooser(seed), felt)
    for text in opening(appearance, name=name, pronouns=writer.pronouns, whole=alone):
        writer.add(text, kind="appearance")
    seen = stretches(spans, start=start, end=end)
    happenings = merge(events)
    told = [(start, end)] if often(seen) else seen
    phases, throughout = fill(cut(happenings, start=start, end=end), happenings, stretches=told)
    coming = changes(seen, start=start, end=end, shots=shots)
    if often(seen):
        writer.come_and_go(seen, end - start)
    if throughout:
        writer.throughout(throughout)
    if end - start > WINDOWS_FROM_S:
        writer.summary(happenings, sum(t1 - t0 for t0, t1 in seen))
    if happenings or coming:
        _tell(writer, phases, coming, seen)
        if len(happenings) == 1 and len(phases) == 1 and phases[0].opener and not coming:
            writer.otherwise()
    else:
        writer.nothing()
    return tuple(writer.sentences)


def _tell(
    writer: Writer, phases: Sequence[Phase], coming: Sequence[Change], seen: Sequence[tuple[float, float]]
) -> None:
    """Tells phase after phase; phases in a row in which nothing happens in one sentence."""
    silent = [not (p.mentions or p.going_on or _within(p, coming, phases)) for p in phases]
    for i, phase in enumerate(phases):
        if silent[i]:
            begins = i == 0 or not silent[i - 1]
            run = next((k for k in range(i, len(phases)) if not silent[k]), len(phases)) - 1
            if begins and share(seen, phase.t0, phases[run].t1) >= 0.5 and len(phases) > 1:
                writer.paragraph += phase.opener.startswith("between")
                writer.still(phase, until=phases[run].t1, rest=run == len(phases) - 1 and run > i)
            continue
        writer.paragraph += phase.opener.startswith("between")
        now = _within(phase, coming, phases)
        if phase.mentions or now:
            writer.phase(phase, now, last=i == len(phases) - 1 > 0)
        else:
            writer.goes_on(phase)


def _within(phase: Phase, coming: Sequence[Change], phases: Sequence[Phase]) -> list[Change]:
    return [c for c in coming if phase.t0 <= c.time < phase.t1 or (phase is phases[-1] and c.time >= phase.t1)]


def caption_text(sentences: Sequence[Sentence]) -> str:
    """Sentences as one text, paragraphs on lines of their own."""
    paragraphs: dict[int, list[str]] = {}
    for one in sentences:
        paragraphs.setdefault(one.paragraph, []).append(one.text)
    return "\n".join(" ".join(texts) for _, texts in sorted(paragraphs.items()))


def caption_video(people: Sequence[Sequence[Sentence]]) -> str:
    """The caption of the whole video.

    Args:
        people: The sentences of each person, main person first.
    """
    if not people:
        return "No face is visible in this video."
    texts = [caption_text(sentences) for sentences in people]
    if len(people) > 1:
        texts.insert(0, f"This video shows the facial changes of {number(len(people))} people.")
    return "\n".join(texts)
