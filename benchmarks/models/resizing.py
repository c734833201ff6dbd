"""Resizing frames and crops for the models: PIL's bicubic, which is exact, against PyTorch's, and OpenCV's area.

    python benchmarks/models/resizing.py

Single thread. The pictures are the astronaut portrait, enlarged or cut. Differences are in levels of 0 to 255.
Needs the extras demo and models.
"""

import sys
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from skimage.data import astronaut

sys.path.insert(0, str(Path(__file__).parents[1]))
from machine import keep, machine

from facevlm.models.preprocess import pil_bicubic, torch_bicubic

CASES = {  # what it is for -> (height, width) of the picture, (width, height) to come
    "1080p frame for UMT": ((1080, 1920), (398, 224)),
    "1080p frame, squared, for CLIP": ((1920, 1920), (336, 336)),
    "720p frame for FaceXFormer": ((720, 1280), (224, 224)),
    "face crop of 260x300": ((300, 260), (224, 224)),
    "face crop of 130x150": ((150, 130), (224, 224)),
}
ROUNDS = 30


def area(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """OpenCV's, for comparison."""
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def main() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    where, results, lines = machine(), {}, [f"{'':32}{'':8}{'ms':>8}{'x PIL':>8}{'largest':>9}{'mean':>8}"]
    for name, (shape, size) in CASES.items():
        picture = np.asarray(Image.fromarray(astronaut()).resize(shape[::-1], Image.Resampling.BICUBIC))
        exact = pil_bicubic(picture, size).astype(int)
        took = {}
        for kind, resize in {"pil": pil_bicubic, "torch": torch_bicubic, "area": area}.items():
            took[kind] = min(timed(resize, picture, size) for _ in range(ROUNDS))
            off = np.abs(resize(picture, size).astype(int) - exact)
            row = {"ms": 1000 * took[kind], "largest": int(off.max()), "mean": float(off.mean())}
            results.setdefault(name, {})[kind] = row
            lines.append(
                f"{name:32}{kind:8}{row['ms']:8.2f}{took['pil'] / took[kind]:8.1f}{row['largest']:9d}{row['mean']:8.3f}"
            )
    keep("resizing", where, results, "\n".join(lines))


def timed(resize, picture: np.ndarray, size: tuple[int, int]) -> float:
    start = time.perf_counter()
    resize(picture, size)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
