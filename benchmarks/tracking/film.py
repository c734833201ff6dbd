"""Film the scenes, once: videos and their truth are kept under a key of scene, seed, photos and the code that films."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

import facevlm
from benchmarks.tracking.clip import Truth
from benchmarks.tracking.scenes import TEST_SEEDS, TUNE_SEEDS, scene_of
from facevlm.puppet.record import ClipTruth, write_clip
from facevlm.video.sampling import Sampler

RATE = 16  # sampled frames a second, as FaceTrack-MM
SEEDS, PARTS = {"tune": TUNE_SEEDS, "test": TEST_SEEDS}, {"tune": 0, "test": 1}
EVENTS = {"truth.py"}  # of `facevlm.puppet`: what faces do, which no tracker is asked


def film(name: str, seed: int, photos: list[np.ndarray], video: Path) -> None:
    """Write the sampled frames of a scene as a video file, and beside it the truth; nothing where both are there."""
    beside = video.with_suffix(".truth.npz")
    if beside.exists():
        return
    clip = write_clip(video, scene_of(name, photos, seed), keep=Sampler(RATE))
    truth, part = _truth(clip), beside.with_suffix(".part.npz")
    columns = {column: getattr(truth, column) for column in ("frames", "people", "boxes", "visible")}
    np.savez(part, names=json.dumps(truth.names), times=clip.times, **columns)
    part.replace(beside)


def truth_of(video: Path, times: np.ndarray) -> Truth:
    """The truth beside a video of `film` whose frames were decoded at some times (seconds)."""
    with np.load(video.with_suffix(".truth.npz"), allow_pickle=False) as data:
        assert np.allclose(times, data["times"], atol=2e-3), f"{video}: a decoded frame is not the one that was written"
        columns = (data[column] for column in ("frames", "people", "boxes", "visible"))
        return Truth(*columns, tuple(json.loads(str(data["names"]))))


def film_key(photos: Path | None) -> str:
    """Changes with the photos of a folder and with the code that films."""
    package, here = Path(facevlm.__file__).parent, Path(__file__).parent
    files = [here / "cast.py", here / "scenes.py", here / "film.py"]
    files += sorted(path for path in (package / "puppet").glob("*.py") if path.name not in EVENTS)
    return digest([*files, *(sorted(path for path in photos.iterdir() if path.is_file()) if photos else [])])


def digest(files: Iterable[Path], before: str = "") -> str:
    """Ten letters that change with names and contents of files, and with a digest before them."""
    result = hashlib.sha256(before.encode())
    for path in files:
        result.update(path.name.encode() + path.read_bytes())
    return result.hexdigest()[:10]


def _truth(truth: ClipTruth) -> Truth:
    names = tuple(sorted({name for frame in truth.frames for name in frame.sights}))
    rows = [
        (number, names.index(name), sight)
        for number, frame in enumerate(truth.frames)
        for name, sight in frame.sights.items()
    ]
    return Truth(
        np.array([row[0] for row in rows], np.int64),
        np.array([row[1] for row in rows], np.int64),
        np.array([row[2].box for row in rows], np.float32).reshape(-1, 4),
        np.array([row[2].visible for row in rows], np.float32),
        names,
    )
