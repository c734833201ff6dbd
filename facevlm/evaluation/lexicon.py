"""The facial-action lexicon: words for parts of the face, what they do, where to; which actions agree or exclude.

The words are data (`data/action_lexicon.json`, which states its source); this module reads them once and cuts a text
into tagged words.
"""

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from facevlm.evaluation.events import NONE, OPPOSITE, SAME


@dataclass(frozen=True)
class Tag:
    """A word or phrase of the lexicon in a text: its kind ("part", "act", "direction" …), value and place."""

    kind: str
    value: str
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Lexicon:
    """The lexicon, ready for use.

    Attributes:
        version: Part of every score's description.
        words: Finds all tagged words of a lower-case text.
        kinds: Group name of `words` -> (kind, value).
        phases: Finds phrases that say when; group name -> phase in `kinds`.
        actions: (part, act) -> action.
        alone: act -> action, for acts that need no part.
        defaults: part -> action, for parts that are an event when mentioned.
        ends: action -> the action that ends it.
        directed: Actions that have a direction.
        axes: action -> axis -> sign.
        directed_axes: action -> simple direction -> axis -> sign.
        action_units: action -> FACS codes.
        directed_units: action -> simple direction -> FACS code.
    """

    version: str
    words: re.Pattern[str]
    phases: re.Pattern[str]
    kinds: dict[str, tuple[str, str]]
    actions: dict[tuple[str, str], str]
    alone: dict[str, str]
    defaults: dict[str, str]
    ends: dict[str, str]
    directed: frozenset[str]
    axes: dict[str, dict[str, int]]
    directed_axes: dict[str, dict[str, dict[str, int]]]
    action_units: dict[str, tuple[str, ...]]
    directed_units: dict[str, dict[str, str]]

    def tags(self, text: str) -> list[Tag]:
        """All tagged words of a lower-case text, in order."""
        found = []
        for match in self.words.finditer(text):
            kind, value = self.kinds[match.lastgroup or ""]
            found.append(Tag(kind, value, match.start(), match.end(), match.group()))
        return found

    def relate(self, one: str, other: str) -> int:
        """How two events relate, by name (`part.action[:direction]`): SAME, OPPOSITE or NONE.

        Two actions that share an axis are the same where their signs agree and opposite where they differ; sign 0 is
        an unstated direction and agrees with any. How strong, how often and when do not matter.
        """
        first, second = self._axes_of(one), self._axes_of(other)
        shared = [(first[axis], second[axis]) for axis in first.keys() & second.keys()]
        if any(a * b < 0 for a, b in shared):
            return OPPOSITE
        return SAME if shared or one == other else NONE

    def units_of(self, action: str, direction: str | None) -> tuple[str, ...]:
        """FACS codes of an action, of the side told where there is one; whose side it is, the text does not say."""
        table = self.directed_units.get(action, {})
        found = tuple(table[part] for part in (direction or "").split("-") if part in table)
        return found or self.action_units[action]

    def _axes_of(self, name: str) -> dict[str, int]:
        action, _, direction = name.partition(":")
        if not direction:
            return self.axes[action]
        table = self.directed_axes.get(action, {})
        found = {axis: sign for part in direction.split("-") for axis, sign in table.get(part, {}).items()}
        return found or self.axes[action]


@lru_cache(maxsize=1)
def load_lexicon() -> Lexicon:
    """The packaged lexicon."""
    data = json.loads(files("facevlm.evaluation").joinpath("data/action_lexicon.json").read_text(encoding="utf-8"))
    terms = [
        *(("times", value, words) for value, words in data["times"].items()),
        ("still", "", data["stillness"]),
        *(("part", value, words) for value, words in data["parts"].items()),
        ("boundary", "hedge", data["hedges"]),
        *(("act", value, words) for value, words in data["acts"].items()),
        *(("direction", value, words) for value, words in data["directions"].items()),
        *(("degree", value, words) for value, words in data["degrees"].items()),
        ("no longer", "", ["no longer"]),
        ("negation", "", data["negations"]),
        ("stop", "", data["stops"]),
        ("pronoun", "", ["it", "them", "they"]),
        *(("boundary", value, [words]) for value, words in data["boundaries"].items()),
    ]
    phases = [("phase", value, words) for value, words in data["phases"].items()]
    kinds = {f"g{number}": (kind, value) for number, (kind, value, _) in enumerate([*terms, *phases])}
    actions = data["actions"]
    rules = {
        (part, act): action
        for action, entry in actions.items()
        for part, acts in entry.get("rules", ())
        for act in acts.split()
    }
    return Lexicon(
        version=data["version"],
        words=_alternatives(terms, first=0),
        phases=_alternatives(phases, first=len(terms)),
        kinds=kinds,
        actions=rules,
        alone={act: action for action, entry in actions.items() for act in entry.get("alone", ())},
        defaults={entry["default"]: action for action, entry in actions.items() if "default" in entry},
        ends={action: entry["ends"] for action, entry in actions.items() if "ends" in entry},
        directed=frozenset(action for action, entry in actions.items() if entry.get("directed")),
        axes={action: entry["axes"] for action, entry in actions.items()},
        directed_axes=data["directed_axes"],
        action_units={action: tuple(entry["au"]) for action, entry in actions.items()},
        directed_units=data["directed_au"],
    )


def _alternatives(terms: list[tuple[str, str, list[str]]], *, first: int) -> re.Pattern[str]:
    groups = [
        f"(?P<g{number}>{'|'.join(_whole_word(word) for word in words)})"
        for number, (_, _, words) in enumerate(terms, start=first)
    ]
    return re.compile("|".join(groups))


def _whole_word(term: str) -> str:
    return term if not term[0].isalpha() and term[0] not in "(\\" else rf"\b(?:{term})(?!\w)"
