"""Captions: the sentences about one person, and the caption of a whole video.

    events → happenings (timeline) → phases → mentions → groups of what happens together → sentences

The manner is that of the FDA annotations (FaceTrack-MM): first how the person looks, then what the face does in order.
Every sentence of kind "action" or "summary" names events; every clear or strong event is named by an action sentence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from facevlm.expression import grammar
from facevlm.expression.event import Event
from facevlm.expression.feelings import Feeling, feelings
from facevlm.expression.grammar import BASE, GERUND, THIRD, Chooser, Pronouns, listed, say
from facevlm.expression.opening import opening, pronouns_for
from facevlm.expression.phases import WINDOWS_FROM_S, Phase, cut, fill
from facevlm.expression.phrases import background, predicate
from facevlm.expression.presence import Change, changes, often, share, stretches
from facevlm.expression.sentence import AppearanceValue, Sentence
from facevlm.expression.timeline import END, STATE, Happening, Mention, count_repeats, merge

_WORDS = 24  # words from which a sentence takes no further group
_GROUPS = 3  # groups of simultaneous mentions in one sentence

_STILL = (
    "there is no {other}obvious change in {{their}} expression",
    "there is no {other}significant change in {{their}} facial expression",
    "{{their}} face shows no {other}obvious change",
)
_PLAIN = {"open_smile": "smile", "speaking_mouth": "speaking", "open_laugh": "laugh", "laugh_smile": "laugh"}
_NEXT = ("then", "after that,", "next,", "afterwards,")


def caption_person(
    events: Sequence[Event],
    *,
    spans: Sequence[tuple[float, float]],
    start: float,
    end: float,
    appearance: Mapping[str, AppearanceValue],
    shots: Sequence[tuple[float, float]] = (),
    name: str = "the person",
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
    writer = _Writer(name, pronouns or pronouns_for(appearance), Chooser(seed), feelings(events) if infer else ())
    for text in opening(appearance, name=name, pronouns=writer.pronouns, whole=name == "the person"):
        writer.add(text, kind="appearance")
    end = max(end, start)
    seen = stretches(spans, start=start, end=end)
    happenings = merge(events)
    phases, throughout = fill(cut(happenings, start=start, end=end), happenings, stretches=seen)
    coming = changes(seen, start=start, end=end, shots=shots)
    long = end - start > WINDOWS_FROM_S
    if often(seen):
        writer.come_and_go(seen, end - start)
    if throughout:
        writer.throughout(throughout)
    if long:
        writer.summary(happenings, sum(b - a for a, b in seen))
    silent = not (happenings or coming)
    quiet_from: float | None = None
    for i, phase in enumerate(phases):
        new = [c for c in coming if phase.t0 <= c.time < phase.t1 or (phase is phases[-1] and c.time >= phase.t1)]
        if long and (phase.mentions or phase.going_on or new):
            writer.paragraph += 1
        if phase.mentions or new:
            writer.phase(phase, new, last=i == len(phases) - 1 and len(phases) > 1)
            quiet_from = None
        elif quiet_from is None and share(seen, phase.t0, phase.t1) >= 0.5 and not (throughout and len(phases) == 1):
            if phase.going_on:
                writer.goes_on(phase, last=phase is phases[-1])
                continue
            quiet_from = phase.t0
            later = phases[i:]
            empty = next((k for k, p in enumerate(later) if p.mentions or p.going_on), len(later))
            writer.still(phase, rest=empty == len(later) and empty > 1, until=later[empty - 1].t1, whole=silent)
    return tuple(writer.sentences)


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
        texts.insert(0, f"This video shows the facial changes of {grammar.number(len(people))} people.")
    return "\n".join(texts)


class _Writer:
    """Writes the sentences of one caption, and remembers what it has said."""

    def __init__(self, name: str, pronouns: Pronouns, chooser: Chooser, felt: Sequence[Feeling]) -> None:
        self.sentences: list[Sentence] = []
        self.paragraph = 0
        self.pronouns = pronouns
        self._name = name
        self._chooser = chooser
        self._felt = list(felt)
        self._named_in = -1  # paragraph in which the person was last called by name

    def add(self, text: str, *, mentioned: Sequence[Happening] = (), kind: str = "action") -> None:
        """Adds a sentence, with the ids of its events in order of start."""
        found = {event.id: event for happening in mentioned for event in happening.events}
        ids = tuple(e.id for e in sorted(found.values(), key=lambda e: (e.t0, e.id)))
        self.sentences.append(Sentence(text, ids, kind, self.paragraph))

    def subject(self) -> tuple[str, str]:
        """The person's name or pronoun, and the verb form that agrees with it."""
        if self._named_in != self.paragraph:
            self._named_in = self.paragraph
            return self._name, THIRD
        return self.pronouns.subject, BASE if self.pronouns.plural else THIRD

    def throughout(self, happenings: Sequence[Happening]) -> None:
        """What fills the whole time."""
        for some in _pieces(happenings, 4):
            who, form = self.subject()
            words = self._states([Mention(h, STATE) for h in some], form)
            self._close(f"throughout the video, {who} {words}", some)

    def come_and_go(self, seen: Sequence[tuple[float, float]], duration: float) -> None:
        """The person is in the picture now and then."""
        who, form = self.subject()
        total = grammar.seconds(sum(b - a for a, b in seen))
        text = f"{who} {grammar.verb('come', form)} and {grammar.verb('go', form)}: {self.pronouns.subject}"
        be = grammar.verb("be", BASE if self.pronouns.plural else THIRD)
        text += f" {be} in the picture {len(seen)} times, for {total} of {grammar.seconds(duration)[6:]} in all"
        self.add(grammar.sentence(text), kind="visibility")

    def summary(self, happenings: Sequence[Happening], visible: float) -> None:
        """The most frequent actions of a long video, with their rate."""
        totals = count_repeats([replace(h, key=_PLAIN.get(h.key, h.key)) for h in happenings if not h.parts], apart=True)
        totals = [h for h in totals if h.count >= 3 and not h.key.endswith(("_swing", "_pair", "_bob"))]
        totals = sorted(totals, key=lambda h: -h.count)[:4]
        if not totals:
            return
        who, form = self.subject()
        parts = []
        for h in totals:
            if h.key == "speaking":
                spoken = sum(e.t1 - e.t0 for e in h.events if e.action == "speaking")
                parts.append(f"{grammar.verb('speak', form)} for {grammar.seconds(spoken)}")
                continue
            rate = round(h.count / (visible / 60))
            words = say(predicate(Mention(replace(h, strength="clear")), self._chooser, exact=True), form, self.pronouns)
            parts.append(words + (f" (about {grammar.times(rate, exact=True)} a minute)" if rate >= 2 else ""))
        self.add(grammar.sentence(f"in all, {who} {listed(parts)}"), mentioned=totals, kind="summary")

    def still(self, phase: Phase, *, rest: bool, until: float, whole: bool) -> None:
        """Nothing happens."""
        other = "other " if self.sentences and any(s.events for s in self.sentences[-1:]) and rest else ""
        opener = phase.opener
        if whole:
            text = f"throughout the video, {self._name} keeps a steady face, and there is no obvious change in expression"
            self.add(grammar.sentence(text), kind="still")
            return
        if phase.opener.startswith("between"):
            opener = f"between {grammar.clock(phase.t0)} and {grammar.clock(until)}"
        elif rest:
            opener = "for the rest of the video"
        words = self._chooser.pick("still", _STILL, phase.opener).format(other=other)
        self.add(grammar.sentence(f"{opener}, {words.format(their=self.pronouns.possessive)}"), kind="still")

    def goes_on(self, phase: Phase, *, last: bool) -> None:
        """Nothing new happens, but something goes on."""
        some = phase.going_on[:2]
        who, form = self.subject()
        words = [say(predicate(Mention(h, "keep"), self._chooser), form, self.pronouns) for h in some]
        self._close(f"{phase.opener}, {who} {' and '.join(words)}", some)

    def phase(self, phase: Phase, new: Sequence[Change], *, last: bool) -> None:
        """What happens in one phase, comings and goings in their place."""
        opener, mentions = phase.opener, list(phase.mentions)
        for change in new:
            before = [] if phase.counts else [m for m in mentions if m.t0 < change.time - 0.05]
            mentions = mentions[len(before) :]
            self._told(before, phase, opener if before else "", final=False)
            opener = "" if before else opener
            who, form = self.subject()
            words = say(change.predicate, form, self.pronouns)
            self.add(grammar.sentence(f"{opener + ', ' if opener else ''}{who} {words}"), kind="visibility")
            opener = ""
        self._told(mentions, phase, opener, final=last and not new)

    def _told(self, mentions: Sequence[Mention], phase: Phase, opener: str, *, final: bool) -> None:
        """Sentences for mentions in order of time."""
        groups = [[m] for m in mentions] if phase.counts else _groups(mentions)
        going_on = list(phase.going_on) if opener else []
        first = True
        while groups:
            who, form = self.subject()
            taken: list[list[Mention]] = []
            words = ""
            while groups and len(taken) < (4 if phase.counts else _GROUPS) and len(words.split()) < _WORDS:
                group = groups.pop(0)
                text = self._group(group, form, exact=phase.counts)
                words += (self._link(taken[-1], group, counts=phase.counts) if taken else "") + text
                taken.append(group)
            lead = [opener] if first and opener else []
            said = [m.happening for group in taken for m in group]
            if first and going_on:
                beside = going_on[:2]
                lead.append(self._beside(beside))
                said += beside
            if not first or not opener:
                if phase.counts:
                    who += " also" if not first else ""
                elif first and not self.sentences[-1:]:
                    pass
                elif final and not groups and not first:
                    lead = ["finally"]
                elif not first:
                    who = f"{self._chooser.pick('next', _NEXT, said[0].ids)} {who}"
            self._close(f"{', '.join([*lead, ''])}{who} {words}", said)
            first = False

    def _close(self, text: str, said: Sequence[Happening]) -> None:
        """Adds a sentence with the feelings that its events, with those before, give evidence of."""
        ids = {i for h in said for i in h.ids}
        felt = [f for f in self._felt if f.anchor in ids]
        self._felt = [f for f in self._felt if f.anchor not in ids]
        words = []
        for feeling in felt:
            word = feeling.words
            if word not in words:
                words.append(word)
        ending = "".join(f", {w}" if not w.startswith("[") else f" {w}" for w in words)
        self.add(grammar.sentence(text + ending), mentioned=said)

    def _link(self, before: Sequence[Mention], group: Sequence[Mention], *, counts: bool) -> str:
        """The word between two groups of one sentence."""
        if counts:
            return ", "
        pause = group[0].t0 - max(m.t1 for m in before)
        if pause >= 2.0 and group[0].aspect != END:
            return self._chooser.pick("later", (", and a little later ", ", and after a moment "), group[0].happening.ids)
        return self._chooser.pick("link", (", then ", ", and then "), group[0].happening.ids)

    def _beside(self, happenings: Sequence[Happening]) -> str:
        """What goes on beside: "still smiling", "with their eyes still closed"."""
        words = [background(h, self._chooser, still=True) for h in happenings]
        doing = [w.removeprefix("still ") for kind, w in words if kind == "doing"]
        holding = [w for kind, w in words if kind == "holding"]
        text = [f"still {listed(doing)}"] if doing else []
        return say(" ".join([*text, *([f"with {listed(holding)}"] if holding else [])]), GERUND, self.pronouns)

    def _states(self, mentions: Sequence[Mention], form: str) -> str:
        """States at the start: "is smiling, with their eyes closed", "has their head turned to their left"."""
        words = [background(m.happening, self._chooser, still=False) for m in mentions]
        doing = [w for kind, w in words if kind == "doing"]
        holding = [w for kind, w in words if kind == "holding"]
        if not doing:
            return say(f"<have> {listed(holding)}", form, self.pronouns)
        return say(f"<be> {listed(doing)}" + (f", with {listed(holding)}" if holding else ""), form, self.pronouns)

    def _group(self, group: Sequence[Mention], form: str, *, exact: bool) -> str:
        """What happens together."""
        if group[0].aspect == STATE:
            return self._states(group, form)
        templates = [predicate(m, self._chooser, exact=exact) for m in group]
        first = say(templates[0], form, self.pronouns)
        if len(group) == 1:
            return first
        if any(m.aspect == END for m in group):
            return listed([say(t, form, self.pronouns) for t in templates])
        rest = listed([say(t, GERUND, self.pronouns) for t in templates[1:]])
        joins = (" while ",) if "," in first or " and " in first else (" while ", ", ")
        return first + self._chooser.pick("join", joins, group[0].happening.ids) + rest


def _groups(mentions: Sequence[Mention]) -> list[list[Mention]]:
    """Mentions that belong together in time, in order."""
    groups: list[list[Mention]] = []
    for mention in mentions:
        if groups and len(groups[-1]) < 3 and all(_joins(m, mention) for m in groups[-1][:1]):
            groups[-1].append(mention)
        else:
            groups.append([mention])
    return groups


def _joins(lead: Mention, other: Mention) -> bool:
    if STATE in (lead.aspect, other.aspect):
        return lead.aspect == other.aspect
    if END in (lead.aspect, other.aspect):
        return abs(lead.t0 - other.t0) < 0.35
    if lead.happening.parts or other.happening.parts:
        return False
    shorter = max(min(lead.t1 - lead.t0, other.t1 - other.t0), 1e-6)
    return min(lead.t1, other.t1) - max(lead.t0, other.t0) >= 0.5 * shorter


def _pieces(happenings: Sequence[Happening], size: int) -> list[Sequence[Happening]]:
    return [happenings[i : i + size] for i in range(0, len(happenings), size)]
