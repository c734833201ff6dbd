"""FERV39k (Wang et al. 2022): seven feelings in clips of 22 scenes, one official split."""

from collections.abc import Iterator
from pathlib import Path

from facevlm.datasets.annotation_files import text_lines
from facevlm.datasets.media_files import find_part, folders_in, placed, relative, videos_in, without_labels
from facevlm.datasets.record import Clip, Dataset
from facevlm.datasets.vocabulary import feeling
from facevlm.errors import DatasetError

CLASSES = ("Happy", "Sad", "Neutral", "Angry", "Surprise", "Disgust", "Fear")
CROPS, VIDEOS = "2_ClipsforFaceCrop", "0_7_LabelClips"


def read(root: Path) -> Iterator[Clip]:
    """The clips of all scenes (`Action/Happy/0015`); the feeling is the path's, never an integer's.

    Raises:
        DatasetError: A list is missing, or not as described.
    """
    seen = set()
    for part, split in zip(FERV39K.needs, ("train", "test"), strict=False):
        for place, line in text_lines(find_part(root, part, FERV39K)):
            if line.strip().lower() == "path,id":
                continue  # the header of derived lists
            clip_id = line.replace("\\", "/").replace(",", " ").split(" ")[0].strip()
            if clip_id.count("/") != 2:
                raise DatasetError(f"no Scene/Emotion/number: {line!r}", where=place)
            seen.add(clip_id)
            scene, emotion, _ = clip_id.split("/")
            labels = {**feeling(emotion, CLASSES, where=place), "scene": scene}
            labels["label_id"] = CLASSES.index(labels["label_name"])
            flat = f"videos/{VIDEOS}_{clip_id.replace('/', '_')}.mp4"
            where = placed(root, [f"{VIDEOS}/{clip_id}.mp4", f"{CROPS}/{clip_id}", flat])
            yield Clip("ferv39k", clip_id, split=split, labels=labels, **where)
    for top in (VIDEOS, CROPS):
        clips = (c for s in folders_in(root / top) for e in folders_in(s) for c in [*videos_in(e), *folders_in(e)])
        found = ((relative(clip.with_suffix(""), root / top), clip) for clip in clips)
        yield from without_labels("ferv39k", found, root=root, seen=seen)


FERV39K = Dataset(
    "ferv39k",
    "FERV39k",
    holds="38,935 clips of 22 scenes, 7 feelings",
    licence="research, signed agreement",
    licence_tag="academic",
    apply_at="github.com/wangyanckxx/FERV39k, agreement by mail",
    needs=(
        *((f"4_setups/All_scenes/{split}_All.csv", f"**/{split}_All.csv") for split in ("train", "test")),
        (CROPS, VIDEOS, "videos"),
    ),
    verified=True,
    note="seen in public code and lists; the setups of single scenes are from memory and not read",
    read=read,
    labels=CLASSES,
)
