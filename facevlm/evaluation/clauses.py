"""Clauses: what stands in a sentence between commas, "and", "while", "with" …, as tagged words."""

from dataclasses import dataclass

from facevlm.evaluation.lexicon import Lexicon, Tag


@dataclass(frozen=True)
class Clause:
    """Tagged words between two boundaries; `opening` is the boundary before them."""

    tags: tuple[Tag, ...]
    opening: str
    start: int
    text: str

    def of(self, kind: str) -> list[Tag]:
        return [tag for tag in self.tags if tag.kind == kind]


def split_clauses(text: str, lexicon: Lexicon) -> list[Clause]:
    """The clauses of a lower-case sentence that hold tagged words."""
    clauses: list[Clause] = []
    tags: list[Tag] = []
    opening, start = "", 0
    for tag in [*lexicon.tags(text), Tag("boundary", "", len(text), len(text), "")]:
        if tag.kind != "boundary":
            tags.append(tag)
            continue
        if tags:
            clauses.append(Clause(tuple(tags), opening, start, text[start : tag.start]))
            opening = tag.value
        elif not opening or tag.value in ("hedge", "and", "or", "then"):
            opening = tag.value
        tags, start = [], tag.end
    return clauses
