"""Explanations as one self-contained HTML page: both captions, and their events with lines between matches."""

from collections.abc import Sequence
from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from facevlm.evaluation.events import OPPOSITE
from facevlm.evaluation.explain import (
    CONTRADICTED,
    HALLUCINATED,
    IN_ORDER,
    MISSING,
    OUT_OF_ORDER,
    REPEATED,
    Explanation,
)

ROW = 30  # CSS pixels of one event
MEANINGS = {
    IN_ORDER: "matched, in the order of both captions",
    OUT_OF_ORDER: "matched, but told in another order",
    REPEATED: "tells again what is matched already",
    CONTRADICTED: "the other caption tells the opposite",
    HALLUCINATED: "nothing like it in the reference",
    MISSING: "nothing like it in the prediction",
}


def explanation_page(explanations: Sequence[Explanation], *, title: str = "Why these captions score as they do") -> str:
    """HTML that needs no network and runs no script.

    Args:
        explanations: Shown one after the other.
        title: Of the page.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(
        files("facevlm.evaluation").joinpath("page/explanation.html").read_text(encoding="utf-8")
    )
    return template.render(
        title=title,
        row=ROW,
        meanings=MEANINGS,
        clips=[(explanation, _lines(explanation)) for explanation in explanations],
    )


def _lines(explanation: Explanation) -> list[tuple[float, float, str]]:
    """A line for each predicted event that has a partner: heights of both ends, and the verdict."""
    lines = []
    for number, verdict in enumerate(explanation.predicted_verdicts):
        place = explanation.partner(number)
        if place is not None:
            opposite = explanation.result.relations[number, place] == OPPOSITE
            lines.append((_middle(number), _middle(place), CONTRADICTED if opposite else verdict))
    return lines


def _middle(number: int) -> float:
    return (number + 0.5) * ROW
