"""Look for faces in the filmed scenes, once: kept under the video's key and one of the code that looks."""

import multiprocessing
import sys
import time
from functools import cache
from pathlib import Path

import cv2
import numpy as np

import facevlm
from benchmarks.tracking.cast import photos, usable_photos
from benchmarks.tracking.clip import Clip, Faces, save
from benchmarks.tracking.film import PARTS, SEEDS, digest, film, film_key, truth_of
from benchmarks.tracking.scenes import DETECTORS
from facevlm.faces.align import aligned_crop, five_points
from facevlm.faces.detect import SmallFaces, WholeFrame
from facevlm.faces.embed import AppearanceDescriptor
from facevlm.faces.mesh import AttentionMesh, Roi
from facevlm.faces.suppress import box_iou
from facevlm.video.decode import Video
from facevlm.video.shots import marked

MIN_SCORE, MIN_PRESENCE = 0.3, 0.1  # what is surer than this is told to the trackers, to judge for themselves
SAME_FACE = 0.6  # IoU of two meshes from which they lie on one face
LOOKING = ("align", "attention_graph", "detect", "embed", "mesh", "suppress")  # modules of faces that `look` runs
EMPTY = Faces(
    np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.float32), np.zeros((0, 5, 2), np.float32),
    np.zeros((0, 478, 3), np.float32), np.zeros((0, AppearanceDescriptor.dimension), np.float32),
)  # fmt: skip


def clips(folder: Path | None, kept: Path, split: str, *, names: list[str], jobs: int) -> list[Path]:
    """Film and look at what is missing of a split, "test" or "tune": paths for `clip.load`, scene by scene.

    Args:
        folder: Photos, or None for the astronaut.
        kept: Folder of what was made before.
        split: "test" or "tune".
        names: Keys of `scenes.SCENES`.
        jobs: Processes.
    """
    kept.mkdir(parents=True, exist_ok=True)
    filmed = film_key(folder)
    looked = look_key(filmed)
    targets = {(name, seed): kept / f"{name}-{seed}-{filmed}-{looked}.npz" for name in names for seed in SEEDS[split]}
    missing = [
        (name, seed, kept / f"{name}-{seed}-{filmed}.mp4", target)
        for (name, seed), target in targets.items()
        if not target.exists()
    ]
    unfilmed = [video for _, _, video, _ in missing if not video.with_suffix(".truth.npz").exists()]
    actors = usable_photos(folder, part=PARTS[split]) if unfilmed else ()
    start = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(jobs, _begin, (actors,)) as pool:
        for done, name in enumerate(pool.imap_unordered(_make, missing), 1):
            spent = time.monotonic() - start
            print(f"\r{done} of {len(missing)} {split} clips in {spent:.0f} s ({name})   ", end="", file=sys.stderr)
    if missing:
        print(file=sys.stderr)
    return list(targets.values())


_actors: list[np.ndarray] = []  # of this process


def _begin(paths: tuple[Path, ...]) -> None:
    cv2.setNumThreads(1)
    _actors[:] = photos(paths)


def _make(task: tuple[str, int, Path, Path]) -> str:
    name, seed, video, target = task
    film(name, seed, _actors, video)
    detector = (SmallFaces if DETECTORS.get(name) == "small" else WholeFrame)(min_score=MIN_SCORE)
    times, shots, faces = [], [], []
    with Video.open(video) as frames:
        size = frames.info.width, frames.info.height
        for frame in marked(frames.frames()):
            times.append(frame.time)
            shots.append((shots[-1] if shots else 0) + int(frame.cut))
            faces.append(look(frame.image, detector))
    truth = truth_of(video, np.array(times))
    save(target, Clip(name, seed, video, size, np.array(times), np.array(shots), tuple(faces), truth))
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


def look_key(filmed: str) -> str:
    """Changes with the video's key and with the code that looks for faces and cuts."""
    package, here = Path(facevlm.__file__).parent, Path(__file__).parent
    faces = [package / "faces" / f"{name}.py" for name in LOOKING]
    return digest([here / "look.py", here / "clip.py", package / "video" / "shots.py", *faces], filmed)


@cache
def _mesh() -> AttentionMesh:
    return AttentionMesh()
