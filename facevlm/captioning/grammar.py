"""The small grammar of captions: verbs that agree with their subject, pronouns, lists, counts and times in words.

A *predicate* is a template whose verbs stand in angle brackets and whose possessive is `{their}`, such as
``"<turn> {their} head to {their} left"``; it is said of a person in one of three forms: "base" (they turn),
"third" (he turns) and "gerund" (turning).
"""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

BASE, THIRD, GERUND = "base", "third", "gerund"

_IRREGULAR = {  # verb -> (they …, he …, …ing)
    "be": ("are", "is", "being"),
    "have": ("have", "has", "having"),
    "begin": ("begin", "begins", "beginning"),
    "let": ("let", "lets", "letting"),
    "nod": ("nod", "nods", "nodding"),
    "stop": ("stop", "stops", "stopping"),
    "dip": ("dip", "dips", "dipping"),
    "put": ("put", "puts", "putting"),
    "shut": ("shut", "shuts", "shutting"),
}
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


@dataclass(frozen=True)
class Pronouns:
    """How a person is spoken of.

    Attributes:
        subject: "they", "he" or "she".
        object: "them", "him" or "her".
        possessive: "their", "his" or "her".
        plural: Whether the subject takes the verb form of "they".
    """

    subject: str
    object: str
    possessive: str
    plural: bool


THEY = Pronouns("they", "them", "their", True)
HE = Pronouns("he", "him", "his", False)
SHE = Pronouns("she", "her", "her", False)


def verb(lemma: str, form: str) -> str:
    """A verb in one of the forms "base", "third" and "gerund".

    >>> verb("close", "gerund"), verb("press", "third"), verb("be", "base")
    ('closing', 'presses', 'are')
    """
    if lemma in _IRREGULAR:
        return _IRREGULAR[lemma][(BASE, THIRD, GERUND).index(form)]
    if form == BASE:
        return lemma
    if form == THIRD:
        if lemma.endswith(("s", "sh", "ch", "x", "o")):
            return lemma + "es"
        return lemma[:-1] + "ies" if re.search(r"[^aeiou]y$", lemma) else lemma + "s"
    return (lemma[:-1] if re.search(r"[^e]e$", lemma) else lemma) + "ing"


def say(template: str, form: str, pronouns: Pronouns) -> str:
    """A predicate in words.

    Args:
        template: Verbs in angle brackets, `{their}` for the possessive.
        form: "base", "third" or "gerund".
    """
    text = re.sub(r"<(\w+)>", lambda match: verb(match.group(1), form), template)
    return tidy(text.replace("{their}", pronouns.possessive))


def tidy(text: str) -> str:
    """The text with single spaces and none before a comma."""
    return re.sub(r"\s+([,.])", r"\1", re.sub(r"\s+", " ", text)).strip()


def sentence(text: str) -> str:
    """The text with a capital first letter and a full stop."""
    text = tidy(text)
    return text[0].upper() + text[1:] + "."


def listed(parts: Sequence[str], word: str = "and") -> str:
    """Parts as a list: "a", "a and b", "a, b and c"."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {word} {parts[-1]}"


def article(noun: str) -> str:
    """The noun with "a" or "an"."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def number(count: int) -> str:
    """A whole number, up to twelve as a word."""
    return _NUMBERS[count] if count < len(_NUMBERS) else str(count)


def times(count: int, *, exact: bool = False) -> str:
    """How often: "once", "twice", "three times", … "several times" from five to nine unless `exact`."""
    if count <= 2:
        return ("", "once", "twice")[count]
    if 5 <= count < 10 and not exact:
        return "several times"
    return f"{number(count)} times"


def seconds(duration: float) -> str:
    """A duration in rounded words: "about half a second", "about three seconds", "about two minutes"."""
    if duration < 0.75:
        return "about half a second"
    if duration < 90:
        whole = max(1, round(duration))
        return f"about {number(whole)} second{'s' * (whole != 1)}"
    whole = round(duration / 60)
    return f"about {number(whole)} minute{'s' * (whole != 1)}"


def clock(time: float) -> str:
    """A time as m:ss, or h:mm:ss from one hour on."""
    minutes, second = divmod(round(time), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{second:02d}" if hours else f"{minutes}:{second:02d}"


class Chooser:
    """Chooses among ways of saying a thing: the same way for the same key, never the same twice in a row.

    Args:
        seed: Another seed gives other words for the same events.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._last: dict[str, str] = {}

    def pick(self, slot: str, options: Sequence[str], key: object) -> str:
        """One of the options.

        Args:
            slot: What is being said; two picks in a row for one slot differ where there is an alternative.
            options: At least one.
            key: What the choice depends on, such as event ids.
        """
        free = [option for option in options if option != self._last.get(slot)] or list(options)
        choice = free[zlib.crc32(f"{self._seed}|{slot}|{key}".encode()) % len(free)]
        self._last[slot] = choice
        return choice
