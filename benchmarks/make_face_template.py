"""Make the frontal face template: the symmetrised mean of the meshes of many photos.

    python benchmarks/make_face_template.py PHOTOS_FOLDER... [--out facevlm/expression/face_template.npz]

Meshes are aligned by similarity (generalised Procrustes), averaged by the median, mirrored onto themselves (which also
gives each point's mirror image), turned so that the outer eye corners lie on x and forehead and chin at one depth, and
scaled to an outer-eye distance of 1. Single photos are not kept. Prints how far photos stray from the mean, in percent
of the outer-eye distance.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

from facevlm.faces.detect import WholeFrame
from facevlm.faces.mesh import AttentionMesh, Roi

PAIRS = [(33, 263), (133, 362), (61, 291), (1, 1), (10, 10), (152, 152), (159, 386), (234, 454), (70, 300)]
ROUNDS = 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    meshes = fit_all([path for folder in args.folders for path in sorted(folder.iterdir())])
    points, mirror = template(meshes)
    aligned = np.stack([align(mesh, points) for mesh in meshes])
    stray = np.median(np.linalg.norm(aligned - points, axis=2)) * 100
    print(f"{len(meshes)} meshes, median distance of a point from the template {stray:.1f} % of the outer-eye distance")
    if args.out:
        np.savez(args.out, points=points.astype(np.float32), mirror=mirror.astype(np.int16))


def fit_all(paths: list[Path]) -> np.ndarray:
    """float64 (N, 478, 3) meshes of all faces in the photos."""
    detector, mesh, found = WholeFrame(), AttentionMesh(), []
    for path in paths:
        image = cv2.imread(str(path))
        if image is None:
            continue
        image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        detections = detector.detect(image)
        for box, keypoints in zip(detections.boxes, detections.keypoints, strict=True):
            face = mesh.fit(image, Roi.from_detection(box, keypoints))
            for _ in range(2):
                face = mesh.fit(image, Roi.from_landmarks(face.landmarks))
            if face.presence > 0.9:
                found.append(face.landmarks)
    return np.array(found, np.float64)


def template(meshes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The template (478, 3) and the index of each point's mirror image (478,)."""
    mean = meshes[0] / np.linalg.norm(meshes[0][33] - meshes[0][263])
    mirror = np.arange(len(mean))
    for _ in range(ROUNDS):
        middle = np.median([align(mesh, mean) for mesh in meshes], axis=0)
        flipped = middle * [-1, 1, 1]
        flipped = align(flipped, middle, np.array([a for a, _ in PAIRS]), np.array([b for _, b in PAIRS]))
        _, mirror = linear_sum_assignment(((flipped[:, None] - middle[None]) ** 2).sum(2))
        other = np.empty_like(middle)
        other[mirror] = flipped
        mean = upright((middle + other) / 2)
    return mean, mirror


def align(
    mesh: np.ndarray, target: np.ndarray, rows: np.ndarray | None = None, onto: np.ndarray | None = None
) -> np.ndarray:
    """`mesh` moved onto `target` by rotation, scale and shift (Umeyama 1991), fitted on some rows."""
    source = mesh if rows is None else mesh[rows]
    goal = target if onto is None else target[onto]
    a, b = source - source.mean(0), goal - goal.mean(0)
    u, s, vt = np.linalg.svd(a.T @ b)
    sign = np.array([1, 1, np.sign(np.linalg.det(u @ vt))])
    rotation, scale = (u * sign) @ vt, (s * sign).sum() / (a**2).sum()
    return (mesh - source.mean(0)) @ rotation * scale + goal.mean(0)


def upright(points: np.ndarray) -> np.ndarray:
    """Origin between the outer eye corners, x through them, forehead and chin at one depth, eye distance 1."""
    points = points - (points[33] + points[263]) / 2
    points /= np.linalg.norm(points[33] - points[263])
    x = points[263] - points[33]
    y = points[152] - points[10]
    y -= x * (x @ y)
    y /= np.linalg.norm(y)
    return points @ np.stack([x, y, np.cross(x, y)], axis=1)


if __name__ == "__main__":
    main()
