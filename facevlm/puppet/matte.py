"""Which pixels of a photo are the person: a soft mask, so that puppets can be set before other backgrounds."""

import cv2
import numpy as np

from facevlm.puppet.shape import OVAL, FaceFrame

WORK = 256  # pixels, longer side at which the person is cut out
ROUNDS = 4


def cut_out(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Cut head and shoulders out of a photo by GrabCut (Rother et al. 2004), started from the mesh.

    Args:
        image: uint8 (H, W, 3) RGB.
        landmarks: float (478, 3) mesh of the face, pixels.

    Returns:
        float32 (H, W) coverage in [0, 1].
    """
    height, width = image.shape[:2]
    scale = WORK / max(height, width)
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    frame = FaceFrame.of(landmarks)
    unit, down = frame.unit * scale, frame.axes[:2, 1]
    oval = landmarks[list(OVAL), :2] * scale
    centre = oval.mean(0)
    ys, xs = np.mgrid[: small.shape[0], : small.shape[1]].astype(np.float32)
    away = np.stack([xs - centre[0], ys - centre[1]], -1)
    along, across = away @ down / unit, away @ np.array([down[1], -down[0]]) / unit
    head = (across / 1.15) ** 2 + ((along + 0.12) / 1.45) ** 2 < 1
    trunk = (along > 0.7) & (np.abs(across) < 0.55 + 1.6 * np.clip(along - 0.95, 0, None))
    mask = np.full(small.shape[:2], cv2.GC_BGD, np.uint8)
    mask[head | trunk] = cv2.GC_PR_FGD
    sure = np.zeros_like(mask)
    cv2.fillPoly(sure, [np.round(centre + (oval - centre) * 0.97).astype(np.int32)], 1)
    sure |= ((along > 0.7) & (np.abs(across) < 0.30 + 0.9 * np.clip(along - 1.1, 0, None))).astype(np.uint8)
    sure |= ((across / 0.72) ** 2 + ((along + 0.05) / 0.98) ** 2 < 1).astype(np.uint8)  # some hair over the forehead
    mask[sure > 0] = cv2.GC_FGD
    cv2.setRNGSeed(1)  # GrabCut starts from random clusters
    cv2.grabCut(small, mask, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), ROUNDS, cv2.GC_INIT_WITH_MASK)
    person: np.ndarray = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    person = cv2.morphologyEx(person, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9)))
    person = cv2.morphologyEx(person, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5)))
    _, labels = cv2.connectedComponents(person)
    nose = np.clip(np.round(landmarks[1, 1::-1] * scale).astype(int), 0, np.array(person.shape) - 1)
    person = (labels == labels[tuple(nose)]).astype(np.float32)
    soft = cv2.GaussianBlur(person, (0, 0), 1.2)
    soft = np.clip((cv2.resize(soft, (width, height), interpolation=cv2.INTER_CUBIC) - 0.35) / 0.5, 0, 1)
    return soft.astype(np.float32)
