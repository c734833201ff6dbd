"""Names of feelings: as each dataset spells them, and one spelling for all; datasets number them differently."""

from typing import Any

from facevlm.errors import DatasetError

CANONICAL = {
    "anger": "anger",
    "angry": "anger",
    "anxiety": "anxiety",
    "calm": "calm",
    "contempt": "contempt",
    "disappointment": "disappointment",
    "disgust": "disgust",
    "fear": "fear",
    "fearful": "fear",
    "happiness": "happiness",
    "happy": "happiness",
    "helplessness": "helplessness",
    "neutral": "neutral",
    "sad": "sadness",
    "sadness": "sadness",
    "surprise": "surprise",
    "surprised": "surprise",
    "worried": "worry",
}


def feeling(name: str, known: tuple[str, ...], *, where: object) -> dict[str, Any]:
    """The label fields of a feeling: as the dataset spells it, and in the one spelling.

    Args:
        name: As the file says; upper or lower case does not matter.
        known: The closed list of the dataset.
        where: File and line, for the error.

    Raises:
        DatasetError: The dataset has no such feeling.
    """
    spelled = {one.lower(): one for one in known}.get(name.strip().lower())
    if spelled is None:
        raise DatasetError(f"no label {name!r}", where=where, mend=f"the dataset has {', '.join(known)}")
    return {"label_name": spelled, "label": CANONICAL[spelled.lower()]}
