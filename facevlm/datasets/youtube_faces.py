"""YouTube Faces (Wolf et al. 2011): frames of 3,425 videos of 1,595 people, and 5,000 official pairs in ten folds."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from facevlm.datasets.annotation_files import number, text_lines, whole_number
from facevlm.datasets.media_files import find_part, folders_in, relative
from facevlm.datasets.record import Clip, Dataset
from facevlm.errors import DatasetError

FOLDS = tuple(range(1, 11))


@dataclass(frozen=True)
class OfficialPair:
    """Two videos of the official protocol: their clip ids, whether they show one person, and the fold (1 .. 10)."""

    first: str
    second: str
    same: bool
    fold: int


def read(root: Path) -> Iterator[Clip]:
    """The videos (`Richard_Gere/3`), as folders of frames; the identity is the person's name.

    Raises:
        DatasetError: The folder of frames is missing.
    """
    frames = find_part(root, YTF.needs[0], YTF)
    for person in folders_in(frames):
        for video in folders_in(person):
            identity = person.name
            yield Clip(
                "ytf",
                f"{identity}/{video.name}",
                path=relative(video, root),
                media="frames",
                identity=identity,
                group=(f"ytf:{identity}",),
                labels={"label_name": identity},
            )


def read_pairs(root: Path) -> Iterator[OfficialPair]:
    """The official pairs: of `splits_corrected.txt`, with its corrected answers, where it is there, else `splits.txt`.

    Raises:
        DatasetError: Neither is there, or a line is not as described.
    """
    path = find_part(root, ("splits_corrected.txt", "*/splits_corrected.txt", "splits.txt", "*/splits.txt"), YTF)
    for line_number, (place, line) in enumerate(text_lines(path)):
        fields = [field.strip() for field in line.split(",")]
        if line_number == 0 and not fields[0].isdigit():
            continue  # the header
        if len(fields) not in (5, 6):
            raise DatasetError(f"{len(fields)} fields, not 5 or 6", where=place)
        fold, same = (whole_number(fields[k], where=place, what="a field") for k in (0, len(fields) - 1))
        if fold not in FOLDS or same not in (0, 1):
            raise DatasetError(f"no fold 1 to 10 with 0 or 1: {line!r}", where=place)
        yield OfficialPair(fields[2], fields[3], bool(same), fold)


def face_boxes(root: Path, person: str) -> Iterator[tuple[str, tuple[float, float, float, float]]]:
    """The face in each frame of a person's videos.

    Yields:
        Path of the frame relative to the root, and the box as (left, top, right, bottom) in pixels of that frame.

    Raises:
        DatasetError: The file is missing, or a line is not as described.
    """
    frames = find_part(root, ("frame_images_DB",), YTF)
    for place, line in text_lines(frames / f"{person}.labeled_faces.txt"):
        fields = line.split(",")
        if len(fields) < 6:
            raise DatasetError(f"{len(fields)} fields, not 8", where=place)
        x, y, width, height = (number(field, where=place, what="a field of the box") for field in fields[2:6])
        box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)  # the file gives the centre
        yield relative(frames, root) + "/" + fields[0].strip().replace("\\", "/"), box


YTF = Dataset(
    "ytf",
    "YouTube Faces",
    holds="3,425 videos of 1,595 people, as frames",
    licence="research",
    licence_tag="research",
    apply_at="www.cs.tau.ac.il/~wolf/ytfaces, form gives a password",
    needs=(
        ("frame_images_DB", "aligned_images_DB"),
        ("splits_corrected.txt", "*/splits_corrected.txt", "splits.txt", "*/splits.txt"),
    ),
    verified=True,
    note="seen in the makers' READ_ME and in public readers; the 6th field of splits_corrected.txt is read as they do",
    read=read,
)
