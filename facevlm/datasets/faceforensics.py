"""FaceForensics++ (Rössler et al. 2019): original videos and their manipulated versions, split by pairs."""

from collections.abc import Iterator
from pathlib import Path

from facevlm.datasets.annotation_files import json_file
from facevlm.datasets.media_files import find_part, folders_in, relative, videos_in
from facevlm.datasets.record import Clip, Dataset
from facevlm.errors import DatasetError

COMPRESSIONS = ("c23", "raw", "c0", "c40")  # the first that is there is read; c0 and raw are the same
OUTSIDE_SPLITS = ("DeepFakeDetection", "actors")
_SPLIT_FILES = {"train": "train", "val": "validation", "test": "test"}


def read(root: Path) -> Iterator[Clip]:
    """Originals (`original/071`) and fakes (`Deepfakes/071_054`), real 0 and fake 1.

    Videos that the splits do not list have split None; listed ones that are missing are told. `group` holds the
    sequences that a video is made of, and their source videos where `conversion_dict.json` is there.

    Raises:
        DatasetError: A split file is missing, or not as the makers describe it.
    """
    splits = _splits(root)
    sources = _sources(root)
    originals = root / "original_sequences"
    folders = {"original": _videos_of(originals / "youtube") or _videos_of(originals)}
    folders["actors"] = _videos_of(originals / "actors")
    folders |= {folder.name: _videos_of(folder) for folder in folders_in(root / "manipulated_sequences")}
    for method, folder in folders.items():
        if folder is None:
            continue
        wanted = (
            {}
            if method in OUTSIDE_SPLITS
            else {k: v for k, v in splits.items() if ("_" in k) == (method != "original")}
        )
        for video in videos_in(folder):
            yield _clip(method, video.stem, relative(video, root), wanted.pop(video.stem, None), sources, folder)
        for name, split in wanted.items():
            place = relative(folder, root)
            yield _clip(method, name, None, split, sources, folder, problem=f"no {place}/{name}.mp4 there")


def _clip(
    method: str,
    name: str,
    path: str | None,
    split: str | None,
    sources: dict[str, str],
    folder: Path,
    *,
    problem: str | None = None,
) -> Clip:
    real = method in ("original", "actors")
    sequences = () if method in OUTSIDE_SPLITS else tuple(name.split("_"))
    videos = tuple(dict.fromkeys(f"youtube:{sources[one]}" for one in sequences if one in sources))
    return Clip(
        "ffpp",
        f"{method}/{name}",
        path=path,
        group=tuple(f"ffpp:{one}" for one in sequences) + videos or (f"ffpp:{method}/{name}",),
        split=split,
        labels={
            "label_id": 0 if real else 1,
            "label_name": "real" if real else "fake",
            "method": method,
            "compression": folder.parent.name,
        },
        problem=problem,
    )


def _videos_of(folder: Path) -> Path | None:
    return next((folder / c / "videos" for c in COMPRESSIONS if (folder / c / "videos").is_dir()), None)


def _splits(root: Path) -> dict[str, str]:
    """Originals and fakes of the pairs [a, b] (a, b, a_b, b_a) -> split."""
    splits: dict[str, str] = {}
    for part, (file, split) in zip(FFPP.needs, _SPLIT_FILES.items(), strict=False):
        path = find_part(root, part, FFPP)
        for pair in json_file(path, kind=list, says="list of pairs"):
            if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(one, str) for one in pair):
                mend = 'ids are text with their zeros, ["071", "054"]'
                raise DatasetError(f"{pair!r} is no pair of ids", where=path, mend=mend)
            a, b = pair
            for name in (a, b, f"{a}_{b}", f"{b}_{a}"):
                if splits.setdefault(name, split) != split:
                    raise DatasetError(f"{name} is in {file} and in {splits[name]}", where=path)
    return splits


def _sources(root: Path) -> dict[str, str]:
    for name in ("conversion_dict.json", "splits/conversion_dict.json", "dataset/conversion_dict.json"):
        if (root / name).is_file():
            table = json_file(root / name, kind=dict, says="table of source videos")
            return {sequence: str(video).split(" ")[0] for sequence, video in table.items()}
    return {}


FFPP = Dataset(
    "ffpp",
    "FaceForensics++",
    holds="1,000 original sequences, 1,000 fakes per method",
    licence="non-commercial research",
    licence_tag="research",
    apply_at="github.com/ondyari/FaceForensics, form in dataset/README.md",
    needs=(
        *((f"splits/{name}.json", f"dataset/splits/{name}.json") for name in _SPLIT_FILES),
        (
            *(f"original_sequences/youtube/{c}/videos" for c in COMPRESSIONS),
            *(f"original_sequences/{c}/videos" for c in COMPRESSIONS),
        ),
    ),
    verified=True,
    note="seen in the makers' README, split files and script; FaceShifter and the place of masks are from memory",
    read=read,
    labels=("real", "fake"),
)
