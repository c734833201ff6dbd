"""Find a place for each label beside its face: inside the picture, over no other label, if possible over no face."""

from collections.abc import Iterator, Sequence
from itertools import chain

Box = tuple[float, float, float, float]  # x0, y0, x1, y1 in pixels
Place = tuple[int, int]  # x, y of the upper left corner in pixels

STEPS = 16  # places tried along each side of the picture where none beside the face is free


def place_label(
    face: Box, size: tuple[int, int], *, picture: tuple[int, int], taken: Sequence[Box], faces: Sequence[Box], gap: int
) -> Place | None:
    """Find the best free place for one label.

    Args:
        face: Box of the face the label belongs to.
        size: Width and height of the label.
        picture: Width and height of the picture.
        taken: Boxes of labels already placed; never covered.
        faces: Boxes of all faces; covered only where nothing else is free.
        gap: Distance to the face and to the picture's edge.

    Returns:
        Whole pixels, or None where the label fits nowhere.
    """
    best, least = None, float("inf")
    for place in chain(_beside(face, size, picture, gap), _anywhere(face, size, picture, gap)):
        box = (place[0], place[1], place[0] + size[0], place[1] + size[1])
        inside = place[0] >= 0 and place[1] >= 0 and box[2] <= picture[0] and box[3] <= picture[1]
        if not inside or any(overlap(box, other) for other in taken):
            continue
        covered = sum(overlap(box, other) for other in faces)
        if covered == 0:
            return place
        if covered < least:
            best, least = place, covered
    return best


def overlap(a: Box, b: Box) -> float:
    """Area in square pixels that two boxes share."""
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


def _beside(face: Box, size: tuple[int, int], picture: tuple[int, int], gap: int) -> Iterator[Place]:
    """Right, left, below, above; moved along the face's side until it is in the picture."""
    x0, y0, x1, y1 = face
    width, height = size
    top = _clamp(y0, gap, picture[1] - height - gap)
    left = _clamp(x0, gap, picture[0] - width - gap)
    yield round(x1 + gap), top
    yield round(x0 - gap - width), top
    yield left, round(y1 + gap)
    yield left, round(y0 - gap - height)


def _anywhere(face: Box, size: tuple[int, int], picture: tuple[int, int], gap: int) -> Iterator[Place]:
    """A grid over the whole picture, the nearest to the face first."""
    x = (face[0] + face[2] - size[0]) / 2
    y = (face[1] + face[3] - size[1]) / 2
    room_x, room_y = picture[0] - size[0] - 2 * gap, picture[1] - size[1] - 2 * gap
    if room_x < 0 or room_y < 0:
        return
    places = [
        (gap + round(room_x * i / STEPS), gap + round(room_y * j / STEPS))
        for i in range(STEPS + 1)
        for j in range(STEPS + 1)
    ]
    yield from sorted(places, key=lambda place: (place[0] - x) ** 2 + (place[1] - y) ** 2)


def _clamp(value: float, low: int, high: int) -> int:
    return round(max(low, min(value, high)))
