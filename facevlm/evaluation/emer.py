"""EMER overlaps (AffectGPT, Lian et al. 2023): how far emotional clues and labels of a description are the true ones.

A language model rates both from 1 to 10; the original asks in Chinese, these prompts in English, on text of any
language. A description without text has the lowest score and is not sent.
"""

from facevlm.endpoints.asking import ask
from facevlm.endpoints.model_client import ModelClient
from facevlm.evaluation.judge_replies import parse_emer_score, parse_labels
from facevlm.evaluation.model_judge import TEXT, object_schema

LOWEST = 1.0
SCORE_SCHEMA = object_schema(score={"type": "number"}, reason=TEXT)
LABELS_SCHEMA = object_schema(labels={"type": "array", "items": TEXT})
PROMPTS = ("emer_clue_overlap", "emer_labels", "emer_label_overlap")


def clue_overlap(
    client: ModelClient, prediction: str, reference: str, *, language: str = "English", seed: int = 0
) -> float:
    """How far the emotional state and the clues to it overlap, 1 .. 10.

    Args:
        client: Whom to ask.
        prediction: Description to rate.
        reference: The true one.
        language: Of both.
        seed: Sent along.

    Raises:
        ReplyError: No usable reply.
    """
    if not prediction.strip():
        return LOWEST
    return ask(
        client,
        "emer_clue_overlap",
        fields={"language": language, "reference": reference.strip(), "prediction": prediction.strip()},
        parse=parse_emer_score,
        schema=SCORE_SCHEMA,
        seed=seed,
    )


def emotion_labels(client: ModelClient, caption: str, *, language: str = "English", seed: int = 0) -> list[str]:
    """The emotion words that fit a description, in its language; none for one without text.

    Raises:
        ReplyError: No usable reply.
    """
    if not caption.strip():
        return []
    return ask(
        client,
        "emer_labels",
        fields={"language": language, "caption": caption.strip()},
        parse=parse_labels,
        schema=LABELS_SCHEMA,
        seed=seed,
    )


def label_overlap(
    client: ModelClient, prediction: str, reference: str, *, language: str = "English", seed: int = 0
) -> float:
    """How far the emotion words of two descriptions overlap, 1 .. 10; arguments as `clue_overlap`.

    Raises:
        ReplyError: No usable reply.
    """
    true = emotion_labels(client, reference, language=language, seed=seed)
    found = emotion_labels(client, prediction, language=language, seed=seed)
    if not found:
        return LOWEST
    return ask(
        client,
        "emer_label_overlap",
        fields={"reference": ", ".join(true) or "none", "prediction": ", ".join(found)},
        parse=parse_emer_score,
        schema=SCORE_SCHEMA,
        seed=seed,
    )
