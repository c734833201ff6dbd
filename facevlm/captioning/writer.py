"""The writer of one caption: puts clauses into sentences, and remembers what it has said and how."""

from collections.abc import Sequence
from dataclasses import replace

from facevlm.captioning import grammar
from facevlm.captioning.clauses import beside, clause, groups, states
from facevlm.captioning.feelings import Feeling
from facevlm.captioning.grammar import BASE, GERUND, THIRD, Chooser, Pronouns, listed, say, sentence
from facevlm.captioning.phases import Phase
from facevlm.captioning.predicates import lasting, predicate
from facevlm.captioning.presence import Change
from facevlm.captioning.sentence import Sentence
from facevlm.captioning.timeline import END, STATE, Happening, Mention, count_repeats, in_general

_WORDS = 20  # words from which a sentence takes no further clause
_CLAUSES = 3  # clauses in one sentence
_COUNTED = 4  # counted actions in one sentence

_STILL = (
    "there is no {other}obvious change in {their} expression",
    "there is no {other}significant change in {their} facial expression",
    "{their} face shows no {other}obvious change",
)
_ALSO = ("{who} also", "besides, {who}", "apart from that, {who}")
_NEXT = ("then", "after that,", "next,", "afterwards,")
_AT_REST = "<keep> a steady face"


class Writer:
    """Writes the sentences of one caption.

    Args:
        name: "the person", or a name such as "Person 2".
        pronouns: How the person is spoken of.
        chooser: Picks among synonyms.
        felt: Feelings to be added in brackets.

    Attributes:
        sentences: What is written so far.
        paragraph: Number of the paragraph that is being written.
    """

    def __init__(self, name: str, pronouns: Pronouns, chooser: Chooser, felt: Sequence[Feeling]) -> None:
        self.sentences: list[Sentence] = []
        self.paragraph = 0
        self.pronouns = pronouns
        self._name = name
        self._chooser = chooser
        self._felt = list(felt)
        self._named_in = -1  # paragraph in which the person was last called by name

    def add(self, text: str, *, kind: str, said: Sequence[Happening] = ()) -> None:
        """Adds a sentence, with the ids of its events in order of start."""
        found = {event.id: event for happening in said for event in happening.events}
        ids = tuple(e.id for e in sorted(found.values(), key=lambda e: (e.t0, e.id)))
        self.sentences.append(Sentence(text, ids, kind, self.paragraph))

    def throughout(self, happenings: Sequence[Happening]) -> None:
        """What fills the whole time."""
        for i in range(0, len(happenings), _CLAUSES):
            some = happenings[i : i + _CLAUSES]
            who, form = self._subject()
            self._act(f"throughout the video, {who} {states(some, form, self.pronouns, self._chooser)}", some)

    def come_and_go(self, seen: Sequence[tuple[float, float]], duration: float) -> None:
        """The person is in the picture now and then."""
        who, form = self._subject()
        total, whole = grammar.seconds(sum(b - a for a, b in seen)), grammar.seconds(duration).removeprefix("about ")
        words = say(f"<come> and <go>, and <be> in the picture {len(seen)} times", form, self.pronouns)
        self.add(sentence(f"{who} {words}, for {total} of {whole} in all"), kind="visibility")

    def summary(self, happenings: Sequence[Happening], visible: float) -> None:
        """The most frequent actions of a long video, with their rate.

        Args:
            happenings: All of them.
            visible: Seconds in which the person is in the picture.
        """
        plain = [replace(h, strength="clear") for h in in_general(happenings)]
        totals = [h for h in count_repeats(plain, apart=True) if h.count >= 3]
        totals = sorted(totals, key=lambda h: -h.count)[:4]
        if not totals:
            return
        who, form = self._subject()
        parts = []
        for h in totals:
            rate = round(h.count / (visible / 60))
            words = say(predicate(Mention(h), self._chooser, exact=True), form, self.pronouns)
            known = rate >= 2 and h.key != "speaking"
            parts.append(words + (f" (about {grammar.times(rate, exact=True)} a minute)" if known else ""))
        self.add(sentence(f"over the whole video, {who} {listed(parts)}"), kind="summary", said=totals)

    def nothing(self, *, judged: bool) -> None:
        """Nothing happens in the whole video, or too little of the face was seen to tell (`judged`)."""
        if not judged:
            text = f"too little of {self.pronouns.possessive} face was seen to tell what it does"
            self.add(sentence(text), kind="still")
            return
        who, form = self._subject()
        words = say("<keep> a steady face", form, self.pronouns)
        self.add(
            sentence(f"throughout the video, {who} {words}, and there is no obvious change in expression"), kind="still"
        )

    def still(self, phase: Phase, *, until: float, rest: bool) -> None:
        """Nothing happens for a while.

        Args:
            phase: The first phase in which nothing happens.
            until: End in seconds of the last such phase in a row.
            rest: It is the rest of the video, and more than one phase.
        """
        opener = "for the rest of the video" if rest else phase.opener
        if phase.opener.startswith("between"):
            opener = f"between {grammar.clock(phase.t0)} and {grammar.clock(until)}"
        other = "other " if any(s.text.startswith("Throughout") for s in self.sentences) else ""
        words = self._chooser.pick("still", _STILL, phase.opener).format(other=other, their=self.pronouns.possessive)
        self.add(sentence(f"{opener}, {words}"), kind="still")

    def otherwise(self) -> None:
        """Nothing else happened."""
        text = f"otherwise, there is no obvious change in {self.pronouns.possessive} expression"
        self.add(sentence(text), kind="still")

    def goes_on(self, phase: Phase) -> None:
        """Nothing new happens, but something goes on."""
        some = phase.going_on[:2]
        who, form = self._subject()
        words = [say(predicate(Mention(h, "keep"), self._chooser), form, self.pronouns) for h in some]
        self._act(f"{phase.opener}, {who} {' and '.join(words)}", some)

    def seen_briefly(self, opener: str, duration: float, said: Sequence[Happening], *, judged: bool) -> None:
        """The person is seen for a short while only.

        Args:
            opener: "at the beginning of the video" and the like, or "".
            duration: Seconds in which the person is seen.
            said: What they do meanwhile.
            judged: Whether enough was looked at to say that they do nothing.
        """
        who, form = self._subject()
        words = f"{who} {say('<be>', form, self.pronouns)} seen for {grammar.seconds(duration)}"
        lead = f"{opener}, " if opener else ""
        held = [h for h in said if lasting(h) and h.t1 - h.t0 >= 0.6 * duration][:2]
        if held:
            self._act(f"{lead}{words}, {states(held, GERUND, self.pronouns, self._chooser)}", held)
        elif said or not judged:
            self.add(sentence(lead + words), kind="visibility")
        else:
            text = f"{lead}{words}, with no obvious change in {self.pronouns.possessive} expression"
            self.add(sentence(text), kind="visibility")
        self._told([Mention(h, only=h.count == 1) for h in said if h not in held], Phase("", 0.0, 0.0), "", final=False)

    def unseen(self) -> None:
        """No face is seen at first."""
        self.add("At the beginning of the video, no face is visible.", kind="visibility")

    def phase(
        self, phase: Phase, coming: Sequence[Change], *, last: bool, at_first: bool = False, at_last: bool = False
    ) -> None:
        """What happens in one phase, comings and goings in their place.

        Args:
            phase: The phase.
            coming: Comings and goings in it.
            last: It is the last of several.
            at_first: Nothing happens in its first moments.
            at_last: Nothing happens any more in its last moments.
        """
        opener, mentions = phase.opener, list(phase.mentions)
        for change in coming:
            before = [] if phase.counts else [m for m in mentions if m.t0 < change.time - 0.05]
            mentions = mentions[len(before) :]
            if before:
                self._told(before, phase, opener, final=False, at_first=at_first)
                opener, at_first = "then", False
            at_once = _states_at(change.time, mentions) if change.seen else []
            mentions = mentions[len(at_once) :]
            if change.last and phase.aside:
                self._aside(phase)
            self._comes(change, opener, [m.happening for m in at_once], steady=at_first and change.first)
            opener = ""
        ends = last and not coming and not phase.aside
        self._told(mentions, phase, opener, final=ends, at_first=at_first and not coming)
        if phase.aside and not any(change.last for change in coming):
            self._aside(phase)
        if at_last and not (coming and not coming[-1].seen):
            then = self._chooser.pick("next", _NEXT, phase.opener)
            text = f"{then} {self.pronouns.possessive} face shows no obvious change"
            self.add(sentence(text), kind="still")

    def _aside(self, phase: Phase) -> None:
        """What is done in between."""
        who, form = self._subject()
        words = clause(phase.aside, form, self.pronouns, self._chooser)
        self._act(f"in between, {who} {words}", [m.happening for m in phase.aside])

    def _subject(self) -> tuple[str, str]:
        """The person's name or pronoun, and the verb form that agrees with it."""
        if self._named_in != self.paragraph:
            self._named_in = self.paragraph
            return self._name, THIRD
        return self.pronouns.subject, BASE if self.pronouns.plural else THIRD

    def _comes(self, change: Change, opener: str, at_once: Sequence[Happening], *, steady: bool) -> None:
        """The person comes, in some state, or goes; `steady`: nothing happens in the first moments."""
        if opener and self.sentences and self.sentences[-1].text.lower().startswith(opener):
            opener = "then"
        who, form = self._subject()
        if at_once and change.cut:  # "cuts to Person 3, who is smiling"
            who, form = self._name, THIRD
        words = f"{opener}{'' if opener in ('', 'then') else ','} {change.words(who, form, self.pronouns)}"
        if not at_once:
            if steady:
                rest = say(_AT_REST, THIRD if change.cut else form, self.pronouns)
                words += f", {'who' if change.cut else 'and'} {rest} at first"
            self.add(sentence(words), kind="visibility")
        elif change.cut:
            self._act(f"{words}, who {states(at_once, THIRD, self.pronouns, self._chooser)}", at_once)
        else:
            self._act(f"{words}, {states(at_once, GERUND, self.pronouns, self._chooser)}", at_once)

    def _told(
        self, mentions: Sequence[Mention], phase: Phase, opener: str, *, final: bool, at_first: bool = False
    ) -> None:
        """Sentences for mentions in order of time."""
        waiting = [[m] for m in mentions] if phase.counts else groups(mentions)
        going_on = list(phase.going_on[:2]) if opener == phase.opener else []
        if any(m.happening.key == "mouth_close" for m in mentions):
            going_on = [replace(h, key=h.key.removeprefix("open_")) for h in going_on]
        first = True
        while waiting:
            who, form = self._subject()
            taken: list[list[Mention]] = []
            parts: list[str] = []
            felt: list[str] = []
            while waiting and len(taken) < (_COUNTED if phase.counts else _CLAUSES) and _length(parts) < _WORDS:
                group = waiting.pop(0)
                parts.append(clause(group, form, self.pronouns, self._chooser, exact=phase.counts))
                felt.append(self._feels([m.happening for m in group]))
                taken.append(group)
            said = [m.happening for group in taken for m in group]
            lead = [opener] if first and opener else []
            if first and going_on:
                lead.append(beside(going_on, self.pronouns, self._chooser))
                said += going_on
            elif not first and phase.counts:
                who = self._chooser.pick("also", _ALSO, said[0].ids).format(who=who)
            elif not first and final and not waiting:
                lead.append("finally")
            elif not first:
                who = f"{self._chooser.pick('next', _NEXT, said[0].ids)} {who}"
            words = listed([p + f for p, f in zip(parts, felt, strict=True)])
            if not phase.counts:
                words = self._chained(parts, felt, taken)
            if first and at_first and not going_on:
                link = "," if "," in words else " and"
                words = f"{say(_AT_REST, form, self.pronouns)} at first{link} then {words}"
            self._act(f"{', '.join([*lead, who])} {words}", said)
            first = False

    def _act(self, text: str, said: Sequence[Happening]) -> None:
        """Adds a sentence about actions, with what they may show."""
        self.add(sentence(text + self._feels(said)), kind="action", said=said)

    def _feels(self, said: Sequence[Happening]) -> str:
        """The most certain feeling that what was just said is evidence of: " [happy]", ", possibly [happy]", or ""."""
        ids = {i for happening in said for i in happening.ids}
        felt = [feeling for feeling in self._felt if feeling.anchor in ids]
        self._felt = [feeling for feeling in self._felt if feeling.anchor not in ids]
        if not felt:
            return ""
        words = max(felt, key=lambda feeling: feeling.confidence).words
        return f" {words}" if words.startswith("[") else f", {words}"

    def _chained(self, parts: Sequence[str], felt: Sequence[str], said: Sequence[Sequence[Mention]]) -> str:
        """Clauses one after the other: "a, then b, and then c"."""
        text = parts[0] + felt[0]
        for i in range(1, len(parts)):
            lead = said[i][0]
            if lead.t0 - max(m.t1 for m in said[i - 1]) >= 2.0 and lead.aspect != END:
                options: tuple[str, ...] = (", and a little later ", ", and after a moment ")
            elif i < len(parts) - 1:
                options = (", then ", ", ")
            else:
                options = (", and then ",) if len(parts) > 2 or "," in parts[i - 1] else (", then ", " and then ")
            link = self._chooser.pick("link", options, lead.happening.ids)
            closed = felt[i - 1].startswith(",") and not link.startswith(",")  # a bracket set off by a comma
            text += ("," if closed else "") + link + parts[i] + felt[i]
        return text


def _states_at(time: float, mentions: Sequence[Mention]) -> list[Mention]:
    """The first mentions, at most two, as far as they are states that begin at the time."""
    if mentions and mentions[0].aspect == STATE and mentions[0].t0 < time + 0.3:
        return [mentions[0], *_states_at(time, mentions[1:2])]
    return []


def _length(parts: Sequence[str]) -> int:
    return sum(len(part.split()) for part in parts)
