"""Predictions that nobody looked at a video for: what chance scores, and what a copy of the reference does.

Scores of this field mean little without them: captions of one domain are alike, so another clip's caption already
shares words and events with the reference.
"""

import re
from collections.abc import Callable, Mapping

import numpy as np

from facevlm.datasets.overlap import footage
from facevlm.errors import InputError, UsageError
from facevlm.evaluation.ngrams import count_ngrams
from facevlm.evaluation.tokens import ptb_tokens
from facevlm.evaluation.zero_shot import caption_origins

PREFIX = "baseline:"
SECOND_HUMAN = "second-human"  # not of all clips, so it is no row of `BASELINES`
SECOND_HUMAN_IS = "a second person's caption of the same take: the ceiling of people"
SEED = 0
CONSTANT = (
    "At the beginning of the video, a person looks straight ahead. As the video progresses, the person speaks and "
    "blinks. Towards the end of the video, the mouth closes slightly."
)


def baseline_predictions(name: str, references: dict[str, str | None]) -> dict[str, str | None]:
    """Predictions of a baseline for each reference that there is.

    Args:
        name: A key of `BASELINES`.
        references: id -> caption.

    Raises:
        UsageError: No such baseline.
        InputError: There are fewer than two references.
    """
    if name not in BASELINES:
        known = ", ".join((*BASELINES, SECOND_HUMAN))
        raise UsageError(f"no baseline {name!r}", where="--model", mend=f"choose among {known}")
    told = {id: caption for id, caption in references.items() if caption is not None}
    if len(told) < 2:
        raise InputError("a baseline needs two references or more", where="--references")
    make = BASELINES[name][1]
    return dict(zip(told, make(list(told.values())), strict=True))


def second_human_captions(captions: Mapping[str, str | None], videos: Mapping[str, str | None]) -> dict[str, str]:
    """For each clip that was captioned twice, without knowing it, the caption of the other time.

    RAVDESS has each take with and without sound; FEC-Bench holds both of two takes, annotated twice.

    Args:
        captions: id -> caption.
        videos: id -> path, as FEC-Bench has it.

    Raises:
        InputError: No clip is there twice.
    """
    takes: dict[frozenset[tuple[str, str]], list[str]] = {}
    for clip in caption_origins(videos)[0]:
        if captions.get(clip.source_clip_id) is not None and clip.parent is not None:
            shown = frozenset(key for key in footage(clip) if key[0] != "dfec")
            takes.setdefault(shown, []).append(clip.source_clip_id)
    twins = [ids for ids in takes.values() if len(ids) == 2]
    if not twins:
        raise InputError("no clip is captioned twice", where="--references", mend="take FEC-Bench's test.json")
    return {one: captions[other] or "" for pair in twins for one, other in (pair, pair[::-1])}


def _random(captions: list[str]) -> list[str]:
    """Each has the caption of another: a random ring through all of them."""
    order = np.random.default_rng(SEED).permutation(len(captions))
    following = dict(zip(order.tolist(), np.roll(order, 1).tolist(), strict=True))
    return [captions[following[number]] for number in range(len(captions))]


def _same_length(captions: list[str]) -> list[str]:
    sizes = np.array([len(ptb_tokens(caption)) for caption in captions])
    order = np.random.default_rng(SEED).permutation(len(captions))
    chosen = []
    for number, size in enumerate(sizes):
        others = order[order != number]
        chosen.append(captions[int(others[np.abs(sizes[others] - size).argmin()])])
    return chosen


def _nearest(captions: list[str]) -> list[str]:
    """The other caption of the most alike n-grams, weighed by rarity as in CIDEr."""
    alike = np.zeros((len(captions), len(captions)))
    for counts in count_ngrams([ptb_tokens(caption) for caption in captions], order=4):
        frequency = np.asarray((counts > 0).sum(axis=0)).ravel()
        weighed = counts.multiply(np.log(len(captions)) - np.log(np.maximum(frequency, 1.0))).tocsr()
        norms = np.sqrt(np.asarray(weighed.multiply(weighed).sum(axis=1)).ravel())
        products = (weighed @ weighed.T).toarray()
        scale = np.outer(norms, norms)
        alike += np.divide(products, scale, out=np.zeros_like(products), where=scale > 0)
    np.fill_diagonal(alike, -1)
    return [captions[int(row.argmax())] for row in alike]


def _reversed(captions: list[str]) -> list[str]:
    return [" ".join(reversed(re.split(r"(?<=[.!?])\s+", caption.strip()))) for caption in captions]


def _half(captions: list[str]) -> list[str]:
    return [" ".join(words[: (len(words) + 1) // 2]) for words in (caption.split() for caption in captions)]


Make = Callable[[list[str]], list[str]]
BASELINES: dict[str, tuple[str, Make]] = {
    "constant": ("one sentence for all", lambda captions: [CONSTANT] * len(captions)),
    "random": ("the caption of another clip", _random),
    "same-length": ("the caption of another clip, of the same length", _same_length),
    "nearest": ("the caption of another clip that is most like the reference: an oracle", _nearest),
    "half": ("the first half of the reference", _half),
    "reversed": ("the reference, its sentences in reverse order", _reversed),
    "reference": ("the reference itself: the ceiling", lambda captions: list(captions)),
}
