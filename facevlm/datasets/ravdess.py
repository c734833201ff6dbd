"""RAVDESS (Livingstone and Russo 2018): 24 actors speak and sing two sentences in eight feelings."""

from collections.abc import Iterator
from pathlib import Path

from facevlm.datasets.media_files import find_part, folders_in, relative, videos_in
from facevlm.datasets.record import Clip, Dataset
from facevlm.datasets.vocabulary import feeling

CLASSES = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
STATEMENTS = ("Kids are talking by the door", "Dogs are sitting by the door")
ACTORS = 24
# Fields of a name and what each may be; 03 is sound alone, which is no video.
_LIMITS = {"modality": 3, "vocal": 2, "label_id": 8, "intensity": 2, "statement": 2, "repetition": 2, "actor": ACTORS}


def read(root: Path) -> Iterator[Clip]:
    """The videos by name; no official split. A take with sound (`01-…`) and without (`02-…`) are both told.

    Of such twins keep one: `overlap.footage` is the same for both.

    Raises:
        DatasetError: No folder of an actor is there.
    """
    parent = find_part(root, RAVDESS.needs[0], RAVDESS).parent
    for folder in folders_in(parent):
        if folder.name.startswith("Actor_"):
            for video in videos_in(folder):
                yield _clip(root, video)


def _clip(root: Path, video: Path) -> Clip:
    path, parts = relative(video, root), video.stem.split("-")
    fields = {name: int(part) if part.isdigit() else 0 for name, part in zip(_LIMITS, parts, strict=False)}
    if len(parts) != len(_LIMITS) or any(not 1 <= fields[name] <= top for name, top in _LIMITS.items()):
        return Clip("ravdess", video.stem, path=path, problem="no label: the name has not the seven fields of RAVDESS")
    actor = f"Actor_{fields['actor']:02d}"
    labels = {
        **feeling(CLASSES[fields["label_id"] - 1], CLASSES, where=video),
        "label_id": fields["label_id"],
        "sound": fields["modality"] != 2,
        "vocal": ("speech", "song")[fields["vocal"] - 1],
        "intensity": ("normal", "strong")[fields["intensity"] - 1],
        "statement": STATEMENTS[fields["statement"] - 1],
        "repetition": fields["repetition"],
        "sex": "male" if fields["actor"] % 2 else "female",
    }
    wrong = None if video.parent.name == actor else f"the name says {actor}, the folder {video.parent.name}"
    return Clip(
        "ravdess", video.stem, path=path, identity=actor, group=(f"ravdess:{actor}",), labels=labels, problem=wrong
    )


RAVDESS = Dataset(
    "ravdess",
    "RAVDESS",
    holds="24 actors, 8 feelings, speech and song",
    licence="CC BY-NC-SA 4.0",
    licence_tag="cc-by-nc-sa-4.0",
    apply_at="zenodo.org/records/1188976, no form",
    needs=(("Actor_[0-9][0-9]", "*/Actor_[0-9][0-9]", "*/*/Actor_[0-9][0-9]"),),
    verified=True,
    note="names as in the record's text; names of the zips and the number of songs are from memory",
    read=read,
    labels=CLASSES,
)
