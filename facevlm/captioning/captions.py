"""Captions: the sentences about one person, and the caption of a whole video.

    events → happenings (timeline) → phases → mentions → clauses of what happens together → sentences (writer)

The manner is that of the FDA annotations (FaceTrack-MM): first how the person looks, then what the face does in order.
Every sentence of kind "action" or "summary" names events; every clear or strong event is named by an action sentence.
"""

from collections.abc import Mapping, Sequence

from facevlm.captioning.feelings import feelings
from facevlm.captioning.grammar import Chooser, Pronouns, number
from facevlm.captioning.merging import merge
from facevlm.captioning.opening import noun_for, opening, pronouns_for
from facevlm.captioning.phases import WINDOWS_FROM_S, Phase, cut, fill, opener_at
from facevlm.captioning.presence import Change, changes, often, share, stretches
from facevlm.captioning.sentence import AppearanceValue, Sentence
from facevlm.captioning.timeline import Happening
from facevlm.captioning.writer import Writer
from facevlm.expression.event import Event

THE_PERSON = "the person"  # the name of a person who is the only one
_BRIEFLY_S = 2.0  # seconds: of people seen no longer than this, one among several, that is said and not their coming
_UNSEEN_S = 1.0  # seconds without a face at the start from which that is said
_REST_S, _REST_SHARE = 0.35, 0.1  # seconds, and share of the time seen, of a quiet start or end that is said


def caption_person(
    events: Sequence[Event],
    *,
    spans: Sequence[tuple[float, float]],
    start: float,
    end: float,
    appearance: Mapping[str, AppearanceValue],
    shots: Sequence[tuple[float, float]] = (),
    gaps: Sequence[tuple[float, float]] = (),
    name: str = THE_PERSON,
    others: bool = False,
    judged: bool = True,
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
        gaps: (start, end) seconds of each stretch of which the video has no picture.
        name: "the person" where the caption is of one, else a name such as "Person 2".
        others: Whether there are people in the video of whom the caption does not tell.
        judged: Whether enough of the person was looked at to say that nothing happens.
        pronouns: Default: by the measured gender, else "they".
        infer: Add inferred feelings in brackets.
        seed: Another seed gives other words for the same events.
    """
    end = max(end, start)
    alone = name == THE_PERSON
    felt = feelings(events) if infer else ()
    called = f"the {noun_for(appearance)}" if alone else name
    writer = Writer(called, pronouns or pronouns_for(appearance), Chooser(seed), felt)
    seen = stretches(spans, start=start, end=end, gaps=gaps)
    if _turned(events, sum(b - a for a, b in seen)):
        appearance = {name: value for name, value in appearance.items() if name != "facing"}
    for text in opening(appearance, name=name, pronouns=writer.pronouns, whole=alone):
        writer.add(text, kind="appearance")
    happenings = merge(events)
    briefly = sum(b - a for a, b in seen)
    if not alone and len(seen) == 1 and briefly <= min(_BRIEFLY_S, (end - start) / 3):
        opener = opener_at(sum(seen[0]) / 2, start=start, end=end)
        writer.seen_briefly(opener, briefly, happenings, judged=judged)
        return tuple(writer.sentences)
    told = [(start, end)] if often(seen) else seen
    coming = changes(seen, start=start, end=end, shots=shots)
    phases, throughout = fill(cut(happenings, start=start, end=end, coming=len(coming)), happenings, stretches=told)
    if often(seen):
        writer.come_and_go(seen, end - start)
    if throughout:
        writer.throughout(throughout)
    if end - start > WINDOWS_FROM_S:
        writer.summary(happenings, sum(t1 - t0 for t0, t1 in seen))
    empty = alone and not others and bool(coming) and coming[0].seen and coming[0].time - start >= _UNSEEN_S
    if empty and end - start <= WINDOWS_FROM_S:
        writer.unseen()
    if happenings or coming:
        tell_quiet = judged and end - start <= WINDOWS_FROM_S and not throughout and len(phases) > 1
        quiet = _quiet(happenings, seen) if tell_quiet else (False, False)
        _tell(writer, phases, coming, seen, quiet=quiet, judged=judged)
        if judged and len(happenings) == 1 and len(phases) == 1 and phases[0].opener and not coming:
            writer.otherwise()
    else:
        writer.nothing(judged=judged)
    return tuple(writer.sentences)


def _tell(
    writer: Writer,
    phases: Sequence[Phase],
    coming: Sequence[Change],
    seen: Sequence[tuple[float, float]],
    *,
    quiet: tuple[bool, bool],
    judged: bool,
) -> None:
    """Tells phase after phase; phases in a row in which nothing happens in one sentence, if that can be `judged`.

    `quiet` says whether a quiet start and a quiet end are worth telling.
    """
    silent = [not (p.mentions or p.going_on or _within(p, coming, phases)) for p in phases]
    for i, phase in enumerate(phases):
        if silent[i]:
            begins = i == 0 or not silent[i - 1]
            run = next((k for k in range(i, len(phases)) if not silent[k]), len(phases)) - 1
            if judged and begins and share(seen, phase.t0, phases[run].t1) >= 0.5 and len(phases) > 1:
                writer.paragraph += phase.opener.startswith("between")
                writer.still(phase, until=phases[run].t1, rest=run == len(phases) - 1 and run > i)
            continue
        writer.paragraph += phase.opener.startswith("between")
        now = _within(phase, coming, phases)
        if phase.mentions or now:
            last = i == len(phases) - 1
            at_first = quiet[0] and (i == 0 or any(change.first for change in now))
            writer.phase(phase, now, last=last and i > 0, at_first=at_first, at_last=quiet[1] and last)
        else:
            writer.goes_on(phase)


def _turned(events: Sequence[Event], duration: float) -> bool:
    """Whether events say that the head is turned for most of the time, so that the opening need not."""
    return any(e.t1 - e.t0 > 0.5 * duration for e in events if e.action.startswith("head_turn"))


def _quiet(happenings: Sequence[Happening], seen: Sequence[tuple[float, float]]) -> tuple[bool, bool]:
    """Whether nothing happens for a while at the start, and at the end, of the time in which the person is seen."""
    if not happenings or often(seen):
        return False, False
    before, after = happenings[0].t0 - seen[0][0], seen[-1][1] - max(h.t1 for h in happenings)
    least = [max(_REST_S, _REST_SHARE * (t1 - t0)) for t0, t1 in (seen[0], seen[-1])]
    return before >= least[0], after >= least[1]


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
