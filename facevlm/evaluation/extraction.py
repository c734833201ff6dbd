"""From a sentence to its events: a small grammar over tagged words, clause by clause.

Each act of a clause ("opens", "tilts") is joined to the nearest part of the face that it can be done with; where its
clause names none, the part spoken of before is meant ("his lids droop and then lift"), or one that follows ("raises and
furrows her brows"). A clause of a direction alone repeats the act before it ("turns left, then right").
"""

from collections.abc import Iterator
from itertools import zip_longest

from facevlm.evaluation.clauses import Clause, split_clauses
from facevlm.evaluation.directions import PLAIN, direction_of
from facevlm.evaluation.events import CaptionEvent
from facevlm.evaluation.idioms import (
    BECOMES,
    GAZE_ACTS,
    MOUTH_MOVES,
    NOT_CARRIED,
    OF_A_SUBJECT,
    TO_SPEAK,
    merged,
    place_of_wrinkle,
    says_nothing,
    stands_alone,
)
from facevlm.evaluation.lexicon import Lexicon, Tag
from facevlm.evaluation.sentences import Sentence, telling_sentences


def extract_events(caption: str, lexicon: Lexicon) -> list[CaptionEvent]:
    """The facial events that a caption asserts, in text order.

    Args:
        caption: Any text.
        lexicon: Words and rules.

    Returns:
        Events; duplicates are kept, because order and number matter to TEM. Denied actions are left out.
    """
    events: list[CaptionEvent] = []
    reader: _Reader | None = None
    for sentence in telling_sentences(caption, lexicon):
        reader = _Reader(sentence, lexicon, before=reader if sentence.goes_on else None)
        events += reader.read()
    return events


class _Reader:
    """Reads one sentence and remembers what was spoken of."""

    def __init__(self, sentence: Sentence, lexicon: Lexicon, *, before: "_Reader | None" = None) -> None:
        self.text, self.phase, self.lexicon = sentence.text, sentence.phase, lexicon
        self.topic: str | None = None  # the part last spoken of
        self.topic_acts = False  # it was the subject of its act, or stood alone
        # Act and action of the last event, and whether its part was an object.
        self.last: tuple[str, str, bool] | None = None
        self.waiting: Tag | None = None  # a part named before "and", whose act follows
        self.spoken = -1  # up to here speaking was told already: the mouth opens to speak
        self.denied = False
        if before:
            self.topic, self.topic_acts, self.last = before.topic, before.topic_acts, before.last

    def read(self) -> list[CaptionEvent]:
        clauses = split_clauses(self.text, self.lexicon)
        found: list[CaptionEvent] = []
        for clause, following in zip_longest(clauses, clauses[1:]):
            self.denied = self.denied and clause.opening == "or"
            if clause.opening != "hedge":
                events = sorted(self._events(clause, following), key=lambda item: item[0])
                found += merged([event for _, event in events])
            self.denied = self.denied or bool(clause.of("negation"))
        return found

    def _events(self, clause: Clause, following: Clause | None) -> Iterator[tuple[int, CaptionEvent]]:
        for tag in clause.of("still"):
            yield tag.start, self._make("expression.unchanged", None, clause)
        acts, parts = clause.of("act"), clause.of("part")
        used: set[Tag] = set()
        objects: set[Tag] = set()
        for act in acts:
            if act.start < self.spoken or (act.text.startswith("movement") and used):
                continue
            part = self._part_in(parts, act, objects)
            name = part.value if part else self._part_meant(clause, act, following)
            if name:
                action = self.lexicon.actions[name, act.value]
            elif (alone := self.lexicon.alone.get(act.value)) and stands_alone(act, clause, topic=self.topic):
                action = alone
            else:
                continue
            if action in MOUTH_MOVES and (told := TO_SPEAK.match(self.text[act.end :])):
                action, self.spoken = "mouth.open_close", act.end + told.end()
            direction = direction_of(action, act, clause.tags)
            if action == "gaze.look" and act.value in GAZE_ACTS:
                direction = direction or GAZE_ACTS[act.value]
            if direction is None and says_nothing(action, act, name, clause):
                continue
            if part:
                used.add(part)
                objects |= {part} if part.start > act.start else set()
            if self.waiting and part and part.start < act.start:
                other = self.lexicon.actions.get((self.waiting.value, act.value))
                if other:  # "brows and eyes relax"
                    yield from self._told(other, None, clause, act, at=self.waiting.start)
            self.waiting = None
            yield from self._told(action, direction, clause, act, at=act.start)
            self.last = (act.value, action, bool(part and part.start > act.start))
            if name or act.value == "smile":
                self.topic = name or "smile"
                self.topic_acts = part.start < act.start if part else self.topic_acts
        if parts and acts and parts[0].value == "body" and parts[0].start < acts[0].start:
            self.topic, self.topic_acts = "body", True
        if not acts and not parts and (stops := clause.of("stop")) and stops[0].text.startswith("paus"):
            yield stops[0].start, self._make("speech.stop", None, clause)
        yield from self._parts_alone(clause, [part for part in parts if part not in used])
        if not acts and not parts:
            yield from self._repeated(clause)

    def _part_in(self, parts: list[Tag], act: Tag, objects: set[Tag]) -> Tag | None:
        """The part of this clause that the act is done with."""
        able = [part for part in parts if (part.value, act.value) in self.lexicon.actions]
        before = [part for part in able if part.start < act.start and part not in objects]
        after = [part for part in able if part.start > act.start]
        if before:
            return before[-1]
        return after[0] if after else (able[0] if able else None)

    def _part_meant(self, clause: Clause, act: Tag, following: Clause | None) -> str | None:
        """The part that an act without one is done with."""
        parts = {part.value for part in clause.of("part")}
        if "body" in parts:
            return None
        pronoun = any(tag.start > act.start for tag in clause.of("pronoun"))
        carried = self.topic is not None and (self.topic, act.value) in self.lexicon.actions
        if carried and act.value not in NOT_CARRIED and (self.topic_acts or pronoun or act.value not in OF_A_SUBJECT):
            return self.topic
        if following and following.opening in ("and", "or") and not parts and following.tags[0].kind != "part":
            for part in following.of("part"):
                if (part.value, act.value) in self.lexicon.actions:
                    return part.value
        return None

    def _told(
        self, action: str, direction: str | None, clause: Clause, act: Tag, *, at: int
    ) -> Iterator[tuple[int, CaptionEvent]]:
        """The event of an act, or of its end where it stops; nothing where it is denied."""
        ends = any(tag.start < act.start for kind in ("no longer", "stop") for tag in clause.of(kind))
        if ends:
            if ended := self.lexicon.ends.get(action):
                yield at, self._make(ended, None, clause)
        elif not self._is_denied(clause, act):
            action = BECOMES.get((action, direction or ""), action)
            up_and_down = any(tag.value == "updown" for tag in clause.of("direction"))
            if action == "eyebrow.move" and up_and_down:
                yield at, self._make("eyebrow.raise", None, clause)
                yield at, self._make("eyebrow.lower", None, clause)
            elif action == "eye.open_close":
                both = ["eye.open", "eye.close"]
                for one in both if act.text.startswith("open") else both[::-1]:
                    yield at, self._make(one, None, clause)
            else:
                yield at, self._make(action, direction, clause)

    def _is_denied(self, clause: Clause, tag: Tag) -> bool:
        return self.denied or any(negation.start < tag.start for negation in clause.of("negation"))

    def _parts_alone(self, clause: Clause, parts: list[Tag]) -> Iterator[tuple[int, CaptionEvent]]:
        """Parts that are an event when mentioned (teeth, wrinkles), that have a direction, or share an act."""
        acts = {act.value for act in clause.of("act")}
        directions = [tag for tag in clause.of("direction") if tag.value in PLAIN or tag.value == "forward"]
        for part in parts:
            if part.value == "wrinkle":
                yield from self._wrinkle(clause, part)
            elif action := self.lexicon.defaults.get(part.value):
                ending = acts & {"disappear"} or clause.of("no longer")
                shown = not acts & {"lick", "clench"} if part.value != "teeth" else "show" in acts
                if shown and not ending and not self._is_denied(clause, part):
                    yield part.start, self._make(action, "forward" if action == "gaze.look" else None, clause)
                elif ending and (ended := self.lexicon.ends.get(action)):
                    yield part.start, self._make(ended, None, clause)
            elif not acts and directions and not self._is_denied(clause, part):
                act = {"eye": "look", "gaze": "look", "eyeball": "look"}.get(part.value)
                act = act or directions[0].value
                if action := self.lexicon.actions.get((part.value, act)):
                    directed = directions[0].value if action in self.lexicon.directed else None
                    yield part.start, self._make(action, directed, clause)
                    self.topic, self.topic_acts, self.last = part.value, True, (act, action, False)
            elif not acts and not any(other.value == "wrinkle" for other in clause.of("part")):
                shared = self.last and self.last[2] and clause.opening == "and"
                if shared and self.last and (action := self.lexicon.actions.get((part.value, self.last[0]))):
                    yield part.start, self._make(action, None, clause)
                else:
                    self.waiting = part
                    self.topic, self.topic_acts = part.value, True

    def _wrinkle(self, clause: Clause, part: Tag) -> Iterator[tuple[int, CaptionEvent]]:
        place = place_of_wrinkle(part, clause, self.text, topic=self.topic)
        ending = any(act.value in ("disappear", "relax") for act in clause.of("act")) or bool(clause.of("no longer"))
        if not self._is_denied(clause, part) or ending:
            yield part.start, self._make(f"wrinkle.{'dis' if ending else ''}appear.{place}", None, clause)

    def _repeated(self, clause: Clause) -> Iterator[tuple[int, CaptionEvent]]:
        """The directed act before, done again to another side ("and then to the right")."""
        directions = [tag for tag in clause.of("direction") if tag.value in PLAIN or tag.value == "forward"]
        back = [tag for tag in clause.of("direction") if tag.value == "back"]
        if (
            self.last
            and self.last[1].startswith("head.t")
            and back
            and not directions
            and clause.opening in ("and", "then")
        ):
            yield back[0].start, self._make("head.return", None, clause)
            return
        if (
            not directions
            or self.last is None
            or clause.of("negation")
            or clause.opening not in ("and", "then", "comma")
        ):
            return
        action = self.last[1]
        if directions[0].value == "forward" and action == "head.tilt":
            return
        if action in self.lexicon.directed and len(clause.text.split()) <= 7:
            yield directions[0].start, self._make(action, directions[0].value, clause)

    def _make(self, action: str, direction: str | None, clause: Clause) -> CaptionEvent:
        direction = direction if action in self.lexicon.directed else None
        return CaptionEvent(
            text=" ".join(clause.text.split()).rstrip(" .!?"),
            action=action,
            direction=direction,
            phase=self.phase,
            degree=next((tag.value for tag in clause.of("degree")), None),
            times=next((tag.value for tag in clause.of("times")), None),
            action_units=self.lexicon.units_of(action, direction),
        )
