"""Preprocessing: pixels, squares, boxes, landmarks in pixels, frame indices."""

import re

import numpy as np

from tests.parity.golden import Golden


def check(golden: Golden) -> None:
    """Compare everything that is in the file."""
    for key in sorted(golden.keys):
        if match := re.fullmatch(r"([\w.]+)\.(?:pixels(?:_TC)?|uint8)(?:\[(.+)\])?", key):
            _pixels(golden, key, match[1], match[2])
        elif match := re.fullmatch(r"adjust_bbox_(\d+)x(\d+)", key):
            _boxes(golden, key, (int(match[1]), int(match[2])))
        elif match := re.fullmatch(r"denorm_points_(\d+)", key):
            _points(golden, key, int(match[1]))
        elif key == "frame_indices":
            _frames(golden, key)


def _pixels(golden: Golden, key: str, name: str, part: str | None) -> None:
    from facevlm.models.preprocess import clip_pixels, face_pixels, padded_square, umt_pixels
    from tests.parity.tensors import slices

    image = golden.input("image.uint8")
    if name == "image":
        return
    if name == "expand2square":
        golden.compare(key, padded_square(image), atol=0)
        return
    if match := re.fullmatch(r"clip(\d+)\.(pad|nopad)", name):
        ours = clip_pixels([image], side=int(match[1]), pad=match[2] == "pad")[0]
    elif name == "facexformer":
        ours = face_pixels([image])[0]
    elif name == "videochat2":
        frames = [image[:: (-1) ** k] for k in range(len(golden.expected(key)) // 3)]  # every other one upside down
        ours = umt_pixels(frames).transpose(1, 0, 2, 3).reshape(3 * len(frames), 224, 224)
    else:
        return
    golden.compare(key, ours[slices(part)] if part else ours, atol=1e-4, rtol=1e-4)


def _boxes(golden: Golden, key: str, size: tuple[int, int]) -> None:
    from facevlm.faces.crop import widened_box

    ours = [widened_box(np.array(row["box"]), size) for row in golden.expected(key)]
    _compare_list(golden, key, ours, [row["out"] for row in golden.expected(key)])


def _points(golden: Golden, key: str, side: int) -> None:
    from facevlm.models.face_answers import in_pixels

    stored = golden.expected(key)
    _compare_list(golden, key, in_pixels(np.array(stored["points"]), (side, side)), stored["out"])


def _frames(golden: Golden, key: str) -> None:
    from facevlm.models import frame_indices

    ours, wanted = [], []
    for frames, tables in golden.expected(key).items():
        for name, indices in tables.items():
            match = re.fullmatch(r"(\w+?)_?(\d+)", name)
            assert match, name
            choose = getattr(frame_indices, match[1].replace("videochat2_infer", "videochat2_inference"))
            ours.append(choose(int(frames), int(match[2])))
            wanted.append(indices)
    assert [len(row) for row in ours] == [len(row) for row in wanted], "frame_indices: other numbers of frames"
    _compare_list(golden, key, np.concatenate(ours), np.concatenate(wanted))


def _compare_list(golden: Golden, key: str, ours, wanted) -> None:
    """Numbers inside a JSON value."""
    read = golden._read
    golden._read = lambda name: np.array(wanted)
    golden.compare(key, np.array(ours), atol=1e-4, rtol=1e-6)
    golden._read = read
