"""Film the scenes and look for faces in them, once: kept under a key of scene, seed, photos and code."""

import hashlib
import multiprocessing
import sys
import time
from functools import cache
from pathlib import Path

import cv2
import numpy as np

import facevlm
from benchmarks.tracking.cast import photos, usable_photos
from benchmarks.tracking.clip import Clip, Faces, Truth, save
from benchmarks.tracking.scenes import DETECTORS, TEST_SEEDS, TUNE_SEEDS, scene_of
from facevlm.faces.align import aligned_crop, five_points
from facevlm.faces.detect import SmallFaces, WholeFrame
from facevlm.faces.embed import AppearanceDescriptor
from facevlm.faces.mesh import AttentionMesh, Roi
from facevlm.faces.suppress import box_iou
from facevlm.puppet.record import ClipTruth, write_clip
from facevlm.video.decode import Video
from facevlm.video.sampling import Sampler
from facevlm.video.shots import marked

RATE = 16  # sampled frames a second, as FaceTrack-MM
MIN_SCORE, MIN_PRESENCE = 0.3, 0.1  # what is surer than this is told to the trackers, to judge for themselves
SEEDS, PARTS = {"tune": TUNE_SEEDS, "test": TEST_SEEDS}, {"tune": 0, "test": 1}
LOOKING = ("align", "attention_graph", "detect", "embed", "mesh", "suppress")  # modules of faces that `look` runs
SAME_FACE = 0.6  # IoU of two meshes from which they lie on one face
EMPTY = Faces(
    np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.float32), np.zeros((0, 5, 2), np.float32),
    np.zeros((0, 478, 3), np.float32), np.zeros((0, AppearanceDescriptor.dimension), np.float32),
)  # fmt: skip


def clips(folder: Path | None, cache_folder: Path, split: str, *, names: list[str], jobs: int) -> list[Path]:
    """Film what is missing of a split, "test" or "tune": paths for `clip.load`, scene by scene."""
    seeds = SEEDS[split]
    cache_folder.mkdir(parents=True, exist_ok=True)
    key = _key(folder)
    targets = {(name, seed): cache_folder / f"{name}-{seed}-{key}.npz" for name in names for seed in seeds}
    missing = [(name, seed, target) for (name, seed), target in targets.items() if not target.exists()]
    actors = usable_photos(folder, part=PARTS[split]) if missing else ()
    start = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(jobs, _begin, (actors,)) as pool:
        for done, name in enumerate(pool.imap_unordered(_film, missing), 1):
            spent = time.monotonic() - start
            print(
                f"\rfilmed {done} of {len(missing)} {split} clips in {spent:.0f} s ({name})   ", end="", file=sys.stderr
            )
    if missing:
        print(file=sys.stderr)
    return list(targets.values())


_actors: list[np.ndarray] = []  # of this process


def _begin(paths: tuple[Path, ...]) -> None:
    cv2.setNumThreads(1)
    _actors[:] = photos(paths)


def _film(task: tuple[str, int, Path]) -> str:
    name, seed, target = task
    scene = scene_of(name, _actors, seed)
    video = target.with_suffix(".mp4")
    truth = write_clip(video, scene, keep=Sampler(RATE))
    detector = (SmallFaces if DETECTORS.get(name) == "small" else WholeFrame)(min_score=MIN_SCORE)
    times, shots, faces = [], [], []
    with Video.open(video) as frames:
        for frame in marked(frames.frames()):
            times.append(frame.time)
            shots.append((shots[-1] if shots else 0) + int(frame.cut))
            faces.append(look(frame.image, detector))
    assert np.allclose(times, truth.times, atol=2e-3), "a decoded frame is not the one that was written"
    save(target, Clip(name, seed, video, scene.size, np.array(times), np.array(shots), tuple(faces), _truth(truth)))
    return f"{name} {seed}"


def look(image: np.ndarray, detector: WholeFrame | SmallFaces) -> Faces:
    """All faces of one frame, uint8 (H, W, 3) RGB, the surest first."""
    mesh, found = _mesh(), detector.detect(image)
    rows = []
    for box, score, keypoints in zip(found.boxes, found.scores, found.keypoints, strict=True):
        first = mesh.fit(image, Roi.from_detection(box, keypoints))
        fitted = mesh.fit(image, Roi.from_landmarks(first.landmarks))
        points = fitted.landmarks[:468, :2]
        extent = np.concatenate([points.min(0), points.max(0)])
        if fitted.presence >= MIN_PRESENCE and (extent[2:] - extent[:2] >= 4).all():
            rows.append((float(score) * fitted.presence, float(score), extent, fitted))
    kept: list[tuple] = []
    for row in sorted(rows, key=lambda row: -row[0]):
        if not kept or box_iou(row[2], np.stack([other[2] for other in kept])).max() < SAME_FACE:
            kept.append(row)
    if not kept:
        return EMPTY
    landmarks = np.stack([row[3].landmarks for row in kept])
    return Faces(
        np.stack([row[2] for row in kept]).astype(np.float32),
        np.array([row[1] for row in kept], np.float32),
        np.array([row[3].presence for row in kept], np.float32),
        np.stack([five_points(mesh) for mesh in landmarks]).astype(np.float32),
        landmarks,
        AppearanceDescriptor().embed(np.stack([aligned_crop(image, mesh) for mesh in landmarks])),
    )


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


@cache
def _mesh() -> AttentionMesh:
    return AttentionMesh()


def _key(folder: Path | None) -> str:
    """Changes with the photos and with the code that films and finds."""
    package, here = Path(facevlm.__file__).parent, Path(__file__).parent
    files = [here / "cast.py", here / "scenes.py", here / "film.py", here / "clip.py", package / "video" / "shots.py"]
    files += sorted((package / "puppet").glob("*.py")) + [package / "faces" / f"{name}.py" for name in LOOKING]
    files += sorted(path for path in folder.iterdir() if path.is_file()) if folder else []
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:10]
