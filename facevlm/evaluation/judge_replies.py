"""What a language model's replies say: events, verdicts and scores out of text that is nearly JSON.

The forms are those of the reference implementations (Tarsier's AutoDQ, Video-ChatGPT, AffectGPT's EMER); what they let
pass or crash on is an error here, so that no unreadable reply becomes a score.
"""

import ast
import json
import re
from typing import Any

import numpy as np

from facevlm.errors import JudgeError
from facevlm.evaluation.events import NONE, OPPOSITE, SAME

VERDICTS = {"entailment": SAME, "neutral": NONE, "contradiction": OPPOSITE}
_NUMBER = re.compile(r"(?<![\d.])-?\d+(?:\.\d+)?")
_RANGE = re.compile(r"\d+(?:\.\d+)?\s*(?:-|–|~|to|至|到)\s*\d+(?:\.\d+)?")


def parse_events(reply: str) -> list[str]:
    """The events of an extraction reply, `{"events": ["...", ...]}`.

    Raises:
        JudgeError: It is no object with a list of texts.
    """
    events = _object(reply).get("events")
    if not isinstance(events, list) or not all(isinstance(event, str) for event in events):
        raise JudgeError("no list of events", where=_shortened(reply))
    return events


def parse_verdicts(reply: str, *, count: int) -> np.ndarray:
    """The verdicts on `count` events, `{"events": [{"relationship": "entailment"}, ...]}`; or neutral, contradiction.

    Returns:
        int8 (count,) of SAME, NONE, OPPOSITE.

    Raises:
        JudgeError: Another number of verdicts, or an unknown one.
    """
    rows = _object(reply).get("events")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise JudgeError("no list of verdicts", where=_shortened(reply))
    words = [str(row.get("relationship", "")).strip().lower() for row in rows]
    if unknown := [word for word in words if word not in VERDICTS]:
        raise JudgeError(f"unknown verdict {unknown[0]!r}", where=_shortened(reply))
    if len(words) != count:
        raise JudgeError(f"{len(words)} verdicts on {count} events", where=_shortened(reply))
    return np.array([VERDICTS[word] for word in words], dtype=np.int8)


def parse_score(reply: str) -> int:
    """A Video-ChatGPT score, 0 .. 5; fractions are cut off, as the original does.

    Read are `{"score": 4}`, `Score: 4`, `4`, also in code fences and with the broken quotes of the original's example.

    Raises:
        JudgeError: There is no number, or it lies outside 0 .. 5.
    """
    named = re.search(r"score\W*?(-?\d+(?:\.\d+)?)", reply, re.IGNORECASE)
    bare = re.fullmatch(r"\D{0,3}(-?\d+(?:\.\d+)?)\D{0,3}", reply.strip())
    match = named or bare
    if match is None:
        raise JudgeError("no score", where=_shortened(reply))
    score = int(float(match.group(1)))
    if not 0 <= score <= 5:
        raise JudgeError(f"score {match.group(1)} outside 0 to 5", where=_shortened(reply))
    return score


def parse_emer_score(reply: str) -> float:
    """An EMER overlap score, 1 .. 10: the first number that is not part of a range such as "1-10" and no "out of 10".

    Raises:
        JudgeError: There is no number, or it lies outside 1 .. 10.
    """
    match = _NUMBER.search(_RANGE.sub(" ", reply))
    if match is None:
        raise JudgeError("no score", where=_shortened(reply))
    if not 1 <= float(match.group()) <= 10:
        raise JudgeError(f"score {match.group()} outside 1 to 10", where=_shortened(reply))
    return float(match.group())


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
    raise JudgeError("no JSON object", where=_shortened(reply))


def _shortened(reply: str) -> str:
    text = " ".join(reply.split())
    return f"reply {text[:60] + ' …' if len(text) > 60 else text!r}"
