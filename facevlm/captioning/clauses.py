"""From mentions to clauses: what happens together is said together, "smiles broadly while narrowing their eyes"."""

import re
from collections.abc import Sequence
from dataclasses import replace

from facevlm.captioning.grammar import GERUND, Chooser, Pronouns, listed, say
from facevlm.captioning.predicates import background, predicate
from facevlm.captioning.timeline import DO, END, START, STATE, Happening, Mention

_TOGETHER_S = 0.3  # seconds: ends no further apart are one moment
_LEAD_S = 0.15  # seconds by which a smile, a laugh or speech may begin later and still be said first
_LATE_S = 0.2  # seconds from which an action that begins later and outlasts the first one is said after it
_SIZE = 3  # mentions in one clause
_SAME_VERB = re.compile(r"<(relax|stop|lower)> (.+)")


def groups(mentions: Sequence[Mention]) -> list[list[Mention]]:
    """Mentions that belong together in time, in order; the one that leads comes first in each."""
    result: list[list[Mention]] = []
    for mention in mentions:
        if result and len(result[-1]) < _SIZE and _joins(_lead_first(result[-1])[0], mention):
            result[-1].append(mention)
        else:
            result.append([mention])
    return [_lead_first(group) if group[0].aspect in (DO, START) else group for group in result]


def clause(group: Sequence[Mention], form: str, pronouns: Pronouns, chooser: Chooser, *, exact: bool = False) -> str:
    """What is said of the person by one group.

    Args:
        group: As `groups` gives it.
        form: The verb form that agrees with the subject.
        pronouns: How the person is spoken of.
        chooser: Picks among synonyms.
        exact: Say counts exactly.
    """
    if group[0].aspect == STATE:
        return states([m.happening for m in group], form, pronouns, chooser)
    group = [group[0], *(replace(m, again=False, to_end=False) for m in group[1:])]  # one "again" is enough
    templates = [predicate(m, chooser, exact=exact) for m in group]
    if any(m.aspect == END for m in group):
        return listed([say(template, form, pronouns) for template in _same_verb(templates)])
    first = say(templates[0], form, pronouns)
    if len(group) == 1:
        return first
    rest = listed([say(template, GERUND, pronouns) for template in templates[1:]])
    if " for about " in first or " until " in first:
        return f"{first}, {rest}"
    joins = (" while ",) if "," in first or " and " in first else (" while ", ", ")
    return first + chooser.pick("join", joins, group[0].happening.ids) + rest


def states(happenings: Sequence[Happening], form: str, pronouns: Pronouns, chooser: Chooser) -> str:
    """States: "is smiling, with their eyes closed", "has their head turned to their left".

    Args:
        happenings: Ones with a state.
        form: The verb form; "gerund" leaves the verb out: "smiling", "with their eyes closed".
        pronouns: How the person is spoken of.
        chooser: Picks among adverbs.
    """
    doing, holding = _split([background(h, chooser, still=False) for h in happenings])
    if form == GERUND:
        return say(_joined(doing, holding), form, pronouns)
    if not doing:
        return say(f"<have> {listed(holding)}", form, pronouns)
    return say(f"<be> {_joined(doing, holding)}", form, pronouns)


def beside(happenings: Sequence[Happening], pronouns: Pronouns, chooser: Chooser) -> str:
    """What goes on beside something else: "still smiling with their eyes still closed"."""
    doing, holding = _split([background(h, chooser, still=True) for h in happenings])
    parts = [f"still {listed([d.removeprefix('still ') for d in doing])}"] if doing else []
    return say(" ".join([*parts, *([f"with {listed(holding)}"] if holding else [])]), GERUND, pronouns)


def _joined(doing: Sequence[str], holding: Sequence[str]) -> str:
    """ "smiling", "smiling with their eyes closed", "smiling with their mouth open and their eyes closed"."""
    if not doing:
        return f"with {listed(holding)}"
    if not holding:
        return listed(doing)
    word = " and" if " with " in doing[-1] else " with" if len(holding) == 1 else ", with"
    return f"{listed(doing)}{word} {listed(holding)}"


def _split(words: Sequence[tuple[str, str]]) -> tuple[list[str], list[str]]:
    return [w for kind, w in words if kind == "doing"], [w for kind, w in words if kind == "holding"]


def _same_verb(templates: Sequence[str]) -> list[str]:
    """ "<relax> a", "<relax> b" as "<relax> a and b"."""
    result: list[str] = []
    for template in templates:
        match, before = _SAME_VERB.fullmatch(template), _SAME_VERB.fullmatch(result[-1]) if result else None
        if match and before and match.group(1) == before.group(1):
            result[-1] = f"{result[-1]} and {match.group(2)}" if " and " not in result[-1] else result[-1]
            if match.group(2) not in result[-1]:
                result.append(template)
        else:
            result.append(template)
    return result


def _lead_first(group: Sequence[Mention]) -> list[Mention]:
    """The group with a smile, a laugh or speech that began with it in the lead."""

    def leads(mention: Mention) -> bool:
        mouth = any(word in mention.happening.key for word in ("smile", "laugh", "speaking"))
        return mouth and mention.aspect != END and mention.t0 - group[0].t0 <= _LEAD_S

    return sorted(group, key=lambda mention: not leads(mention))


def _joins(lead: Mention, other: Mention) -> bool:
    if STATE in (lead.aspect, other.aspect):
        return lead.aspect == other.aspect
    if END in (lead.aspect, other.aspect):
        return abs(lead.t0 - other.t0) < _TOGETHER_S
    if lead.happening.parts or other.happening.parts:
        return False
    later = other.t0 - lead.t0
    if later >= _LATE_S and (other.t1 > lead.t1 + 0.25 or other.t0 > lead.t1 - 0.25):  # takes over from it
        return False
    if other.happening.key == "mouth_close" and later > _LEAD_S:
        return False
    shorter = max(min(lead.t1 - lead.t0, other.t1 - other.t0), 1e-6)
    return min(lead.t1, other.t1) - max(lead.t0, other.t0) >= 0.5 * shorter
