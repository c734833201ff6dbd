"""What a language model's replies say: events, verdicts and scores out of text that is nearly JSON.

The forms are those of the reference implementations (Tarsier's AutoDQ, Video-ChatGPT, AffectGPT's EMER); what they let
pass or crash on is an error here, so that no unreadable reply becomes a score.
"""

import ast
import json
import re
from typing import Any

import numpy as np

from facevlm.errors import ReplyError
from facevlm.evaluation.events import NONE, OPPOSITE, SAME

VERDICTS = {"entailment": SAME, "neutral": NONE, "contradiction": OPPOSITE}
_RELATIONS = {  # beginnings of the words for a relation, among them those of FaceTrack-MM's figure 7
    **dict.fromkeys(("same", "similar", "equal", "identical"), SAME),
    **dict.fromkeys(("opposite", "contradict"), OPPOSITE),
    **dict.fromkeys(("none", "no relation", "unrelated"), NONE),
}
_NUMBER = re.compile(r"(?<![\d.])(-?\d+(?:\.\d+)?)")
_NAMED = re.compile(r"score\W*?(-?\d+(?:\.\d+)?)", re.IGNORECASE)
_RANGE = re.compile(r"\d+(?:\.\d+)?\s*(?:-|–|~|to|至|到)\s*\d+(?:\.\d+)?")


def parse_events(reply: str) -> list[str]:
    """The events of an extraction reply, `{"events": ["...", ...]}`.

    Raises:
        ReplyError: It is no object with a list of texts.
    """
    events = _object(reply).get("events")
    if not isinstance(events, list) or not all(isinstance(event, str) for event in events):
        raise ReplyError("no list of events", where=_shortened(reply))
    return events


def parse_verdicts(reply: str, *, count: int) -> np.ndarray:
    """The verdicts on `count` events, `{"events": [{"relationship": "entailment"}, ...]}`; or neutral, contradiction.

    Returns:
        int8 (count,) of SAME, NONE, OPPOSITE.

    Raises:
        ReplyError: Another number of verdicts, or an unknown one.
    """
    rows = _object(reply).get("events")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ReplyError("no list of verdicts", where=_shortened(reply))
    words = [str(row.get("relationship", "")).strip().lower() for row in rows]
    if unknown := [word for word in words if word not in VERDICTS]:
        raise ReplyError(f"unknown verdict {unknown[0]!r}", where=_shortened(reply))
    if len(words) != count:
        raise ReplyError(f"{len(words)} verdicts on {count} events", where=_shortened(reply))
    return np.array([VERDICTS[word] for word in words], dtype=np.int8)


def parse_relations(reply: str, *, predicted: int, reference: int) -> np.ndarray:
    """The related pairs of `predicted` by `reference` events, numbered from 1; pairs that are not named are unrelated.

    Read are `{"pairs": [{"predicted": 1, "reference": 2, "relation": "same"}]}` and `{"pairs": [[1, 2, "same"]]}`.

    Returns:
        int8 (predicted, reference) of SAME, NONE, OPPOSITE; a pair that is named twice is what it is named last.

    Raises:
        ReplyError: There is no list of pairs, an unknown relation, or a number of no event.
    """
    rows = _object(reply).get("pairs")
    if not isinstance(rows, list):
        raise ReplyError("no list of pairs", where=_shortened(reply))
    relations = np.full((predicted, reference), NONE, dtype=np.int8)
    for row in rows:
        named = [row.get(key) for key in ("predicted", "reference", "relation")] if isinstance(row, dict) else row
        if not isinstance(named, list) or len(named) != 3 or not all(type(number) is int for number in named[:2]):
            raise ReplyError("a pair is not two numbers and a relation", where=_shortened(reply))
        i, j, word = *named[:2], str(named[2]).strip().lower()
        if not (1 <= i <= predicted and 1 <= j <= reference):
            raise ReplyError(f"pair {i}, {j} of {predicted} and {reference} events", where=_shortened(reply))
        relation = next((value for start, value in _RELATIONS.items() if word.startswith(start)), None)
        if relation is None:
            raise ReplyError(f"unknown relation {word!r}", where=_shortened(reply))
        relations[i - 1, j - 1] = relation
    return relations


def parse_labels(reply: str) -> list[str]:
    """The emotion words of a reply, `{"labels": ["...", ...]}`.

    Raises:
        ReplyError: It is no object with a list of texts.
    """
    labels = _object(reply).get("labels")
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise ReplyError("no list of labels", where=_shortened(reply))
    return [label.strip() for label in labels if label.strip()]


def parse_score(reply: str) -> int:
    """A Video-ChatGPT score, 0 .. 5; fractions are cut off, as the original does.

    Read are `{"score": 4}`, `Score: 4`, `4`, also in code fences and with the broken quotes of the original's example.

    Raises:
        ReplyError: There is no number, or it lies outside 0 .. 5.
    """
    text = _RANGE.sub(" ", reply)  # "Score (0-5): 4"
    match = _NAMED.search(text) or re.fullmatch(r"\D{0,3}(-?\d+(?:\.\d+)?)\D{0,3}", text.strip())
    if match is None:
        raise ReplyError("no score", where=_shortened(reply))
    score = int(float(match.group(1)))
    if not 0 <= score <= 5:
        raise ReplyError(f"score {match.group(1)} outside 0 to 5", where=_shortened(reply))
    return score


def parse_emer_score(reply: str) -> float:
    """An EMER overlap score, 1 .. 10: the number that is called so, else the first; ranges such as "1-10" are none.

    Raises:
        ReplyError: There is no number, or it lies outside 1 .. 10.
    """
    text = _RANGE.sub(" ", reply)
    match = _NAMED.search(text) or _NUMBER.search(text)
    if match is None:
        raise ReplyError("no score", where=_shortened(reply))
    if not 1 <= float(match.group(1)) <= 10:
        raise ReplyError(f"score {match.group(1)} outside 1 to 10", where=_shortened(reply))
    return float(match.group(1))


def _object(reply: str) -> dict[str, Any]:
    """The object in a reply, with what models often add or forget put right."""
    text = " ".join(re.sub(r"```(?:json|python)?", " ", reply).split())
    if not text.startswith("{"):
        text = text[text.find("{") :] if "{" in text else "{" + text
    text = text[: text.rfind("}") + 1] if "}" in text else text + "}"
    text = re.sub(r"\}\s*\{", "}, {", text)
    text = re.sub(r",\s*([\]}])", r"\1", text)
    for read in (json.loads, ast.literal_eval):
        try:
            found = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(found, dict):
            return found
    raise ReplyError("no JSON object", where=_shortened(reply))


def _shortened(reply: str) -> str:
    text = " ".join(reply.split())
    return f"reply {text[:60] + ' …' if len(text) > 60 else text!r}"
