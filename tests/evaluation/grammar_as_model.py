"""A scripted model that answers the judge's prompts as the grammar would, so that its scores are known."""

import json
import re

from facevlm.evaluation.events import NONE, OPPOSITE, SAME, CaptionEvent
from facevlm.evaluation.judges import RuleJudge, strongest

JUDGE = RuleJudge()
VERDICTS = {SAME: "entailment", NONE: "neutral", OPPOSITE: "contradiction"}


def reply(user: str) -> str:
    """The reply to the user message of a prompt of events."""
    if user.startswith("Below are two numbered lists"):
        first, second = user.split("First list (predicted):\n")[1].split("\n\nSecond list (reference):\n")
        relations = JUDGE.relate(_events(first), _events(second.split("\n\nReply")[0]))
        words = {SAME: "same", OPPOSITE: "opposite"}
        pairs = [
            {"predicted": int(i) + 1, "reference": int(j) + 1, "relation": words[int(relations[i, j])]}
            for i, j in zip(*relations.nonzero(), strict=True)
        ]
        return json.dumps({"pairs": pairs})
    caption = user.split("Description:\n")[1]
    if user.startswith("Below are a description"):
        caption, events = caption.split("\n\nEvents:\n")
        found = _events(events.split("\n\nReply")[0])
        verdicts = strongest(JUDGE.relate(found, JUDGE.extract(caption)), axis=1)
        rows = [{"event": "", "relationship": VERDICTS[int(verdict)], "reason": ""} for verdict in verdicts]
        return json.dumps({"events": rows})
    return json.dumps({"events": [event.name for event in JUDGE.extract(caption.split("\n\nReply")[0])]})


def as_judge(body):
    """A script for the server: events as the grammar sees them, every rating 3."""
    user = body["messages"][1]["content"]
    if user.startswith("Question:"):
        return '{"score": 3}'
    if user.startswith("Rewrite"):
        return "At the beginning of the video, " + user.split("Text:\n")[1]
    return reply(user)


def _events(text):
    return [CaptionEvent(text=line) for line in re.findall(r"^\d+\. (.*)$", text, re.MULTILINE)]
