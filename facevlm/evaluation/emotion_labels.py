"""From words to one of a benchmark's emotions: what an answer says, and what a description suggests by rule.

FaVChat (section 5.4) has a model describe a clip first and infer the emotion from its own description. Without a model
that answers questions, a rule infers it: the emotion that the description names most, else the one whose facial
actions it tells, by the prototypes of EMFACS (Friesen & Ekman 1983; FACS Investigator's Guide 2002, table 10-2).
"""

import re
from collections import Counter
from collections.abc import Sequence

from facevlm.evaluation.answers import without_thoughts
from facevlm.evaluation.judges import Judge, RuleJudge

FORMS = {
    "happy": ("happy", "happiness", "happily", "joy", "joyful"),
    "sad": ("sad", "sadness", "sadly"),
    "neutral": ("neutral", "neutrality"),
    "angry": ("angry", "anger", "angrily"),
    "surprise": ("surprise", "surprised"),
    "disgust": ("disgust", "disgusted"),
    "fear": ("fear", "fearful", "afraid"),
    "contemptuous": ("contempt", "contemptuous"),
    "anxious": ("anxious", "anxiety"),
    "helpless": ("helpless", "helplessness"),
    "disappointed": ("disappointed", "disappointment"),
}
_LABELS = {form: label for label, forms in FORMS.items() for form in forms}
_WORD = re.compile(rf"\b(?:{'|'.join(sorted(_LABELS, key=len, reverse=True))})\b")
_DENIED = re.compile(r"(?:\b(?:not|no|neither|nor|without|never|rather than|instead of)|n't)(?:\s+\w+)?\s*$")
_CUE = re.compile(r"\b(?:answer|emotion|label|feeling)\b(?:\s+\w+){0,2}\s*(?:\bis\b|:)")

# Action units of each emotion; half of them must be told.
PROTOTYPES = {
    "happy": ("AU6", "AU12"),
    "sad": ("AU1", "AU4", "AU15", "AU17"),
    "surprise": ("AU1", "AU2", "AU5", "AU26"),
    "fear": ("AU1", "AU2", "AU4", "AU5", "AU20"),
    "angry": ("AU4", "AU7", "AU23", "AU24"),
    "disgust": ("AU9", "AU10"),
    "contemptuous": ("AU14",),
}
ENOUGH = 0.5


def parse_label(answer: str, labels: Sequence[str]) -> str | None:
    """The emotion that an answer names; None where it names none, or several.

    Nouns and adjectives count alike, denied words ("not happy") do not. Of several emotions, the one that follows the
    last "answer:" or "the emotion is" is taken, if it is one.

    Args:
        answer: Of a model; what it thought aloud in <think> is left out.
        labels: All classes, keys of `FORMS`.
    """
    text = without_thoughts(answer).lower()
    found = _named(text, labels)
    if len(set(found)) > 1 and (cues := list(_CUE.finditer(text))):
        found = _named(text[cues[-1].end() :], labels)
    return found[0] if len(set(found)) == 1 else None


def label_by_rule(description: str, labels: Sequence[str], *, judge: Judge | None = None) -> str | None:
    """The emotion that a description suggests, "neutral" where it tells no emotion; None for one without text.

    Args:
        description: Of a face.
        labels: All classes, keys of `FORMS`.
        judge: Reads the facial actions; by default the embedded `RuleJudge`.
    """
    if not description.strip():
        return None
    named = Counter(label for label in _named(description.lower(), labels) if label != "neutral")
    units = {
        unit.removesuffix("L").removesuffix("R")
        for event in (judge or RuleJudge()).extract(description)
        for unit in event.action_units
    }
    shares = {
        label: sum(unit in units for unit in needed) / len(needed)
        for label, needed in PROTOTYPES.items()
        if label in labels
    }
    if named:
        most = max(named.values())
        return max((label for label in named if named[label] == most), key=lambda label: shares.get(label, 0.0))
    best = max(shares, key=lambda label: shares[label])
    return best if shares[best] >= ENOUGH else "neutral"


def _named(text: str, labels: Sequence[str]) -> list[str]:
    found = (match for match in _WORD.finditer(text) if not _DENIED.search(text[: match.start()]))
    return [label for match in found if (label := _LABELS[match.group()]) in labels]
