"""A language model as judge of events: reads them out of captions, relates them, and weighs them against captions."""

import hashlib
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from facevlm.endpoints.asking import ask
from facevlm.endpoints.model_client import ModelClient
from facevlm.errors import UsageError
from facevlm.evaluation.events import CaptionEvent
from facevlm.evaluation.judge_replies import parse_events, parse_relations, parse_verdicts
from facevlm.evaluation.judges import RuleJudge
from facevlm.prompts import load_prompt

# As FaceTrack-MM has it: AutoDQ by Tarsier's prompt for events of all kinds, TEM by one for facial actions.
EVENT_PROMPTS = {"autodq": "autodq_events", "tem": "tem_events"}
PROMPTS = (*EVENT_PROMPTS.values(), "autodq_verdicts", "tem_relations")
LONG = 4096  # tokens of a reply with a row for each event, or for each pair that is related


def object_schema(**properties: dict[str, Any]) -> dict[str, Any]:
    """JSON schema of an object that has these properties and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


TEXT = {"type": "string"}
INTEGER = {"type": "integer"}
EVENTS_SCHEMA = object_schema(events={"type": "array", "items": TEXT})
VERDICTS_SCHEMA = object_schema(
    events={
        "type": "array",
        "items": object_schema(
            event=TEXT,
            relationship={"type": "string", "enum": ["entailment", "neutral", "contradiction"]},
            reason=TEXT,
        ),
    }
)
RELATIONS_SCHEMA = object_schema(
    pairs={
        "type": "array",
        "items": object_schema(
            predicted=INTEGER, reference=INTEGER, relation={"type": "string", "enum": ["same", "opposite"]}
        ),
    }
)


class ModelJudge:
    """A judge behind a model client; see `Judge`.

    A caption without text has no events, and without events nothing is asked.

    Args:
        client: Whom to ask.
        events: Which events to read: "autodq" all that happens, "tem" facial actions.
        seed: Sent with each request.

    Raises:
        UsageError: No such kind of events, or the model's name would pass for the grammar.
    """

    def __init__(self, client: ModelClient, *, events: str = "tem", seed: int = 0) -> None:
        if events not in EVENT_PROMPTS:
            raise UsageError(f"no kind of events {events!r}", mend=f"choose among {', '.join(EVENT_PROMPTS)}")
        self.name = judge_name(client.model)
        self.version = prompts_version(PROMPTS)
        self._client = client
        self._prompt = EVENT_PROMPTS[events]
        self._seed = seed

    def extract(self, caption: str) -> Sequence[CaptionEvent]:
        """The events of a caption, in text order.

        Raises:
            ReplyError: No usable reply; so of the other methods.
        """
        if not caption.strip():
            return ()
        events = ask(
            self._client,
            self._prompt,
            fields={"caption": caption.strip()},
            parse=parse_events,
            schema=EVENTS_SCHEMA,
            seed=self._seed,
        )
        return tuple(CaptionEvent(text=event) for event in events)

    def relate(self, predicted: Sequence[CaptionEvent], reference: Sequence[CaptionEvent]) -> np.ndarray:
        """How each predicted event relates to each of the reference: int8 (M, N) of SAME, NONE, OPPOSITE."""
        m, n = len(predicted), len(reference)
        if not m or not n:
            return np.zeros((m, n), dtype=np.int8)
        return ask(
            self._client,
            "tem_relations",
            fields={"predicted": _numbered(predicted), "reference": _numbered(reference)},
            parse=lambda reply: parse_relations(reply, predicted=m, reference=n),
            schema=RELATIONS_SCHEMA,
            max_tokens=LONG,
            seed=self._seed,
        )

    def entail(self, events: Sequence[CaptionEvent], caption: str) -> np.ndarray:
        """How a caption bears out each event: int8 (M,) of SAME (entailed), NONE (neutral), OPPOSITE (contradicted)."""
        if not events or not caption.strip():
            return np.zeros(len(events), dtype=np.int8)
        return ask(
            self._client,
            "autodq_verdicts",
            fields={"caption": caption.strip(), "events": _numbered(events)},
            parse=lambda reply: parse_verdicts(reply, count=len(events)),
            schema=VERDICTS_SCHEMA,
            max_tokens=LONG,
            seed=self._seed,
        )


def judge_name(model: str) -> str:
    """A model's name as the names of scores carry it: "org/Model 7B" -> "org-Model-7B".

    Raises:
        UsageError: Nothing is left of it, or it is that of the grammar.
    """
    name = re.sub(r"[^A-Za-z0-9.]+", "-", model).strip("-")
    if not name or name.lower() in (RuleJudge.name, "rule"):
        raise UsageError(f"{model!r} cannot be the name of a judge", where="--judge", mend="name it openai:MODEL")
    return name


def prompts_version(prompts: Sequence[str]) -> str:
    """Twelve hexadecimal digits that change when one of the prompts does."""
    hashes = " ".join(load_prompt(name).hash for name in sorted(prompts))
    return f"prompts {hashlib.sha256(hashes.encode()).hexdigest()[:12]}"


def _numbered(events: Sequence[CaptionEvent]) -> str:
    return "\n".join(f"{number}. {' '.join(event.text.split())}" for number, event in enumerate(events, start=1))
