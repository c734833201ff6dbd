"""Pairs for face verification: segments of frames, each used once, none of a clip that was trained on.

FaVChat (section 5.6) uses 3,190 segments of 36 frames of 1,595 people in 1,595 trials, each segment once; how they were
paired, and the share of same pairs, is not told. Here the share is chosen, and same pairs are drawn from people of
several videos first, with their segments from two of them.
"""

import heapq
import json
import random
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from facevlm.datasets.annotation_files import text_lines
from facevlm.datasets.media_files import pictures_in
from facevlm.datasets.overlap import footage
from facevlm.datasets.record import Clip
from facevlm.errors import DatasetError

SEGMENT_FRAMES = 36


@dataclass(frozen=True)
class Segment:
    """Consecutive frames of one clip: its origin, and the frames' file names within `path`, in order."""

    source_dataset: str
    source_clip_id: str
    identity: str
    path: str
    frames: tuple[str, ...]


@dataclass(frozen=True)
class VerificationPair:
    """Two segments, and whether they show one person; `same_clip` where both come from one clip."""

    id: str
    a: Segment
    b: Segment
    same: bool

    @property
    def same_clip(self) -> bool:
        return self.a.source_clip_id == self.b.source_clip_id


def read_pairs(path: Path) -> list[VerificationPair]:
    """Read a file of pairs, as `facevlm data pairs` writes it.

    Raises:
        DatasetError: It cannot be read, holds no pairs, has an id twice, or a path leads out of the dataset.
    """
    pairs: dict[str, VerificationPair] = {}
    for place, line in text_lines(path):
        try:
            row = json.loads(line)
            a, b = (Segment(**(row[side] | {"frames": tuple(row[side]["frames"])})) for side in "ab")
            pair = VerificationPair(str(row["id"]), a, b, row["same"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise DatasetError("is no pair", where=place, mend="write the file with: facevlm data pairs") from error
        names = (a.path, b.path, *a.frames, *b.frames)
        if not isinstance(pair.same, bool) or not all(isinstance(name, str) for name in names):
            raise DatasetError("is no pair", where=place, mend="write the file with: facevlm data pairs")
        if any(Path(name).is_absolute() or ".." in Path(name).parts for name in names):
            raise DatasetError("a path leads out of the dataset", where=place)
        if pair.id in pairs:
            raise DatasetError(f"pair {pair.id} is there twice", where=place)
        pairs[pair.id] = pair
    if not pairs:
        raise DatasetError("holds no pairs", where=path, mend="write the file with: facevlm data pairs")
    return list(pairs.values())


def segments_of(clip: Clip, *, root: Path, frames: int = SEGMENT_FRAMES) -> list[Segment]:
    """A clip cut into segments that share no frame; what is left at its end is not used.

    Frames are ordered by the number that ends their name; a segment never spans a missing one.

    Args:
        clip: A folder of frames with an identity.
        root: Of its dataset.
        frames: Frames in a segment.

    Raises:
        DatasetError: A frame has no number.
    """
    assert clip.path is not None and clip.identity is not None
    segments: list[Segment] = []
    run: list[str] = []
    last: int | None = None
    for number, name in sorted((_number(path), path.name) for path in pictures_in(root / clip.path)):
        run = [*run, name] if last is not None and number == last + 1 else [name]
        last = number
        if len(run) == frames:
            segments.append(Segment(clip.source_dataset, clip.source_clip_id, clip.identity, clip.path, tuple(run)))
            run, last = [], None
    return segments


def verification_pairs(
    clips: Iterable[Clip],
    root: Path,
    *,
    pairs: int | None = None,
    same_share: float = 0.5,
    frames: int = SEGMENT_FRAMES,
    trained_on: Collection[tuple[str, str]] = (),
    seed: int = 0,
) -> list[VerificationPair]:
    """Draw pairs.

    Args:
        clips: Folders of frames with identities.
        root: Of their dataset.
        pairs: How many; None for as many as there are people, as FaVChat has.
        same_share: Share of pairs that show one person, in 0 .. 1.
        frames: Frames in a segment.
        trained_on: Footage (see `overlap.footage`) that must not appear.
        seed: The same gives the same pairs.

    Returns:
        The pairs in random order; every segment is in one pair at most.

    Raises:
        DatasetError: No clip is a folder of frames of a known person, or there are not so many pairs.
    """
    usable = [c for c in clips if c.problem is None and c.media == "frames" and c.identity is not None]
    if not usable:
        what = "no folders of frames of known people"
        raise DatasetError(what, where=root, mend="take YouTube Faces, or AFEW-VA where it names its actors")
    banned = set(trained_on)
    segments = []
    for clip in usable:
        if not footage(clip) & banned:
            segments += segments_of(clip, root=root, frames=frames)
    drawn = pair_segments(segments, pairs=pairs, same_share=same_share, seed=seed)
    if not drawn:
        people = len({segment.identity for segment in segments})
        asked = f"{people if pairs is None else pairs} pairs, {100 * same_share:.0f} % of them same"
        told = f"{len(segments)} segments of {frames} frames of {people} people do not give {asked}"
        raise DatasetError(told, where=root, mend="ask for fewer pairs, another share, or shorter segments")
    return drawn


def pair_segments(
    segments: Iterable[Segment], *, pairs: int | None = None, same_share: float = 0.5, seed: int = 0
) -> list[VerificationPair]:
    """Draw pairs of segments; none where there are not so many. Arguments and result as of `verification_pairs`."""
    draw = random.Random(seed)
    by_person: dict[str, list[Segment]] = {}
    for segment in segments:
        by_person.setdefault(segment.identity, []).append(segment)
    for own in by_person.values():
        draw.shuffle(own)
    wanted = len(by_person) if pairs is None else pairs
    n_same = round(wanted * same_share)
    drawn = _same_pairs(by_person, n_same, draw)
    drawn += _different_pairs(by_person, wanted - n_same, draw, wide=True) or _different_pairs(
        by_person, wanted - n_same, draw, wide=False
    )
    if len(drawn) != wanted:
        return []
    draw.shuffle(drawn)
    return [VerificationPair(f"{n:05d}", a, b, a.identity == b.identity) for n, (a, b) in enumerate(drawn)]


def _same_pairs(left: dict[str, list[Segment]], count: int, draw: random.Random) -> list[tuple[Segment, Segment]]:
    """Pairs of one person, taken out of what is left: one of each, and again; people of several clips first."""
    drawn: list[tuple[Segment, Segment]] = []
    people = sorted(left)
    draw.shuffle(people)
    people.sort(key=lambda person: len({segment.source_clip_id for segment in left[person]}) == 1)
    while len(drawn) < count and (people := [person for person in people if len(left[person]) > 1]):
        for person in people[: count - len(drawn)]:
            first = left[person].pop()
            others = [k for k, other in enumerate(left[person]) if other.source_clip_id != first.source_clip_id]
            drawn.append((first, left[person].pop(others[-1] if others else -1)))
    return drawn


def _different_pairs(
    left: dict[str, list[Segment]], count: int, draw: random.Random, *, wide: bool
) -> list[tuple[Segment, Segment]]:
    """Pairs of two people; none where there are not so many.

    Args:
        left: Segments of each person.
        count: How many pairs.
        draw: Decides among equals.
        wide: Take those next who were taken least; else those who have most left, which gives the most pairs.
    """
    if count == 0:
        return []
    heap = [(0 if wide else -len(segments), draw.random(), person, 0) for person, segments in left.items() if segments]
    heapq.heapify(heap)
    drawn: list[tuple[Segment, Segment]] = []
    while len(drawn) < count and len(heap) > 1:
        two = [heapq.heappop(heap), heapq.heappop(heap)]
        drawn.append((left[two[0][2]][two[0][3]], left[two[1][2]][two[1][3]]))
        for key, _, person, taken in two:
            if taken + 1 < len(left[person]):
                heapq.heappush(heap, (key + 1, draw.random(), person, taken + 1))
    return drawn if len(drawn) == count else []


def _number(path: Path) -> int:
    digits = re.search(r"\d+$", path.stem)
    if digits is None:
        raise DatasetError("the name of this frame has no number", where=path)
    return int(digits[0])
