"""Make the average face that `facevlm.faces.occlusion` compares with: what photos show at the mesh's points.

    python benchmarks/make_occlusion_template.py PHOTOS_FOLDER... [--out facevlm/faces/occlusion_template.npz]

The samples of all large enough faces, about their own median, are averaged by the median and mirrored onto
themselves. Features (brows, eyes, nose, halves of the mouth) are the points near their outline on the mean shape,
without the rim of the face, the inside of the mouth and others' lids. Single photos are not kept.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from facevlm.faces.detect import WholeFrame
from facevlm.faces.mesh import AttentionMesh, Roi
from facevlm.faces.occlusion import SMALLEST_PX, samples

RIM = [10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152]
RIM += [148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109]
INSIDE_MOUTH = [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95]
RIGHT_BROW = [70, 63, 105, 66, 107, 55, 65, 52, 53, 46]
LEFT_BROW = [300, 293, 334, 296, 336, 285, 295, 282, 283, 276]
RIGHT_EYE = [33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246]
LEFT_EYE = [263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466]
NOSE = [1, 4, 5, 195, 197, 2, 98, 327, 48, 278, 64, 294, 115, 344, 129, 358]
LIPS = [61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146]
# outline, radius around it in outer-eye distances
FEATURES = ((RIGHT_BROW, 0.16), (LEFT_BROW, 0.16), (RIGHT_EYE, 0.16), (LEFT_EYE, 0.16), (NOSE, 0.10), (LIPS, 0.14))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--skip", default="", help="leave out photos whose name starts so")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    paths = [path for folder in args.folders for path in sorted(folder.iterdir())]
    faces = faces_of([path for path in paths if not (args.skip and path.name.startswith(args.skip))])
    shape = np.median([in_face_frame(landmarks) for landmarks, _ in faces], axis=0)
    skin = np.setdiff1d(np.arange(468), RIM + INSIDE_MOUTH + RIGHT_EYE + LEFT_EYE)  # where lids and lips do not move
    seen = np.stack([found - np.median(found[skin], axis=0) * [1, 1, 1, 0, 0] for _, found in faces])
    average = np.median(seen, axis=0)
    mirror = np.linalg.norm(shape[:, None] * [-1, 1] - shape, axis=2).argmin(1)
    average = (average + average[mirror] * [1, 1, 1, -1, 1]) / 2
    patches = features(shape, skin)
    print(len(faces), "faces; points per feature", patches.sum(1), "share of the face", shares(shape).round(3))
    if args.out:
        np.savez_compressed(args.out, average=average.astype(np.float32), patches=patches, areas=shares(shape))


def faces_of(paths: list[Path]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Landmarks and samples of every large enough face."""
    detector, mesh, faces = WholeFrame(), AttentionMesh(), []
    for path in paths:
        picture = cv2.imread(str(path))
        if picture is None:
            continue
        image = np.ascontiguousarray(picture[:, :, ::-1])
        found = detector.detect(image)
        for box, score, keypoints in zip(found.boxes, found.scores, found.keypoints, strict=True):
            if score < 0.6:
                continue
            first = mesh.fit(image, Roi.from_detection(box, keypoints))
            face = mesh.fit(image, Roi.from_landmarks(first.landmarks))
            size = np.hypot(*(face.landmarks[263, :2] - face.landmarks[33, :2]))
            if face.presence >= 0.95 and size >= 0.75 * SMALLEST_PX:
                faces.append((face.landmarks, samples(image, face.landmarks)))
    return faces


def in_face_frame(landmarks: np.ndarray) -> np.ndarray:
    """(468, 2): x along the eyes, y down, from between the eyes, in outer-eye distances."""
    points = landmarks[:468, :2]
    across = points[263] - points[33]
    size = np.hypot(*across)
    cos, sin = across / size
    return (points - points[168]) / size @ np.array([[cos, -sin], [sin, cos]])


def distances(shape: np.ndarray) -> np.ndarray:
    """(6, 468): from each point to the nearest one of each outline."""
    return np.stack([np.linalg.norm(shape[:, None] - shape[ids], axis=2).min(1) for ids, _ in FEATURES])


def features(shape: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """bool (7, 468): the points of each feature; the mouth's halves share its middle."""
    near = distances(shape) < np.array([radius for _, radius in FEATURES])[:, None]
    usable = np.zeros((6, 468), bool)
    for row, (ids, _) in enumerate(FEATURES):
        usable[row, np.union1d(skin, ids)] = True
    near &= usable
    middle = shape[[0, 17, 1, 152], 0].mean()
    right, left = near[5] & (shape[:, 0] <= middle + 0.02), near[5] & (shape[:, 0] >= middle - 0.02)
    return np.vstack([near[:5], right, left])


def shares(shape: np.ndarray) -> np.ndarray:
    """float32 (7,): share of the face's area that is nearest to each feature; a point's area is its spacing squared."""
    spacing = np.sort(np.linalg.norm(shape[:, None] - shape, axis=2), axis=1)[:, 4] ** 2
    nearest = distances(shape).argmin(0)
    areas = np.array([spacing[nearest == row].sum() for row in range(6)]) / spacing.sum()
    return np.append(areas[:5], [areas[5] / 2, areas[5] / 2]).astype(np.float32)


if __name__ == "__main__":
    main()
