"""Draw what is known of one moment over its picture: boxes, mesh, ids, running events, time."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.spatial import Delaunay

from facevlm.exports.label_layout import Box, place_label
from facevlm.exports.labels import event_name
from facevlm.expression.event import ACTIONS, Event
from facevlm.expression.head_pose import template
from facevlm.video import draw
from facevlm.video.draw import Colour, Text
from facevlm.video.face_lines import EYES, IRISES, MOUTH, PARTS

#: People's colours, told apart on dark and bright pictures; the first is the main character's.
PEOPLE: tuple[Colour, ...] = (
    (255, 196, 77), (102, 204, 255), (255, 140, 170), (140, 230, 150), (200, 170, 255), (255, 165, 105),
)  # fmt: skip
REGIONS: dict[str, Colour] = {
    "brows": (233, 170, 96), "eyes": (126, 178, 246), "gaze": (96, 206, 226), "nose": (206, 204, 96),
    "cheeks": (236, 152, 200), "mouth": (248, 128, 118), "head": (118, 208, 160),
}  # fmt: skip
BARS = {"slight": 1, "clear": 2, "strong": 3}
FONT_SHARE = 13.0  # height of the font in units of `draw.unit`
SMALLEST_FONT = 9  # pixels; smaller text cannot be read, so none is written


@dataclass(frozen=True)
class ShownFace:
    """One face to draw.

    Attributes:
        track_id: Final id.
        main: Whether it has a star.
        colour: Its person's colour.
        box: float (4,) xyxy, pixels.
        points: float (478, 2) pixels, or None.
        hidden: Parts that are not drawn, because their landmarks are not to be trusted.
        events: Running events, in the order in which they are listed.
    """

    track_id: int
    main: bool
    colour: Colour
    box: np.ndarray
    points: np.ndarray | None
    hidden: frozenset[str]
    events: tuple[Event, ...]


def draw_moment(image: np.ndarray, faces: Sequence[ShownFace], *, time: float) -> None:
    """Draw faces, then labels so that none covers another, then the time at the lower left.

    Args:
        image: uint8 (H, W, 3) RGB, changed.
        faces: The first ones get the best places for their labels.
        time: Seconds from the first displayed frame.
    """
    height, width = image.shape[:2]
    unit = draw.unit(width, height)
    for face in faces:
        draw_mesh(image, face)
        draw.corners(image, face.box, colour=face.colour, thickness=max(1, round(1.5 * unit)))
    font, gap = max(SMALLEST_FONT, round(FONT_SHARE * unit)), round(4 * unit)
    clock = _Label((_Row(draw.render(f"{time:.2f} s", font)),), gap)
    taken: list[Box] = []
    if clock.size[0] + 2 * gap <= width and clock.size[1] + 2 * gap <= height:
        taken.append(clock.draw(image, (gap, height - clock.size[1] - gap)))
    boxes: list[Box] = [_box(face) for face in faces]
    for face, box in zip(faces, boxes, strict=True):
        for rows in _shorter_and_shorter(_rows(face, font)):
            label = _Label(rows, gap)
            place = place_label(box, label.size, picture=(width, height), taken=taken, faces=boxes, gap=gap)
            if place is not None:
                taken.append(label.draw(image, place))
                break


def draw_mesh(image: np.ndarray, face: ShownFace) -> None:
    """Draw the lines of a face: a faint net, then oval, brows, eyes, irises, nose and lips; hidden parts are left out.

    Args:
        image: uint8 (H, W, 3) RGB, changed.
        face: The face; without points nothing is drawn.
    """
    if face.points is None:
        return
    size = float(max(face.box[2] - face.box[0], face.box[3] - face.box[1]))
    thickness = max(1, round(size / 350))
    if size >= 90 and not face.hidden:  # on smaller faces the net is a blot
        draw.polylines(image, face.points[net()], colour=draw.WHITE, opacity=0.13)
    for part, chains in PARTS.items():
        if part not in face.hidden:
            lines = [face.points[list(chain)] for chain in chains]
            if part == "eyes":
                lines += [_ring(face.points[list(iris)]) for iris in IRISES]
            draw.polylines(image, lines, colour=face.colour, thickness=thickness, opacity=0.75)


def _ring(points: np.ndarray) -> np.ndarray:
    """The ellipse through four points of an iris: float (17, 2)."""
    centre = points.mean(0)
    across, down = (points[0] - points[2]) / 2, (points[1] - points[3]) / 2
    angles = np.linspace(0, 2 * np.pi, 17)[:, None]
    return centre + np.cos(angles) * across + np.sin(angles) * down


@cache
def net() -> np.ndarray:
    """Edges of a triangulation of the frontal face, int (E, 2), without those across the eyes and between the lips."""
    points = template().points[:468, :2]
    triangles = Delaunay(points).simplices
    edges = np.unique(np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1), axis=0)
    openings = [frozenset(chain) for chain in (*EYES, MOUTH[1])]
    across = np.array([any(a in opening and b in opening for opening in openings) for a, b in edges.tolist()])
    return edges[~across]


@dataclass(frozen=True)
class _Row:
    """One line of a label: text, and before it a star (the id) or the strength as one to three bars (an event)."""

    text: Text
    colour: Colour = draw.WHITE
    bars: int = 0
    star: bool = False

    @property
    def size(self) -> tuple[int, int]:
        width, height = self.text.size
        return width + (height if self.bars or self.star else 0), height

    def draw(self, image: np.ndarray, place: tuple[int, int]) -> None:
        x, y = place
        height = self.text.size[1]
        step = height * 0.22
        for bar in range(3 if self.bars else 0):
            left, foot = round(x + bar * step), round(y + height * 0.78)
            top = round(foot - height * (0.22 + 0.16 * bar))
            opacity = 1.0 if bar < self.bars else 0.25
            draw.plate(image, (left, top, left + max(1, round(step * 0.7)), foot), colour=self.colour, opacity=opacity)
        if self.star:
            draw.star(image, (x + 0.38 * height, y + 0.5 * height), radius=0.36 * height, colour=self.colour)
        indent = self.size[0] - self.text.size[0]
        draw.write(image, self.text, (x + indent, y), colour=draw.WHITE if self.bars else self.colour)


@dataclass(frozen=True)
class _Label:
    """Rows on one plate."""

    rows: tuple[_Row, ...]
    gap: int

    @property
    def size(self) -> tuple[int, int]:
        width = max(row.size[0] for row in self.rows)
        return width + 2 * self.gap, sum(row.size[1] for row in self.rows) + self.gap

    def draw(self, image: np.ndarray, place: tuple[int, int]) -> Box:
        x, y = place
        box = (x, y, x + self.size[0], y + self.size[1])
        draw.plate(image, box)
        y += self.gap // 2
        for row in self.rows:
            row.draw(image, (x + self.gap, y))
            y += row.size[1]
        return box


def _rows(face: ShownFace, font: int) -> tuple[_Row, ...]:
    head = _Row(draw.render(f"{face.track_id}", font), face.colour, star=face.main)
    events = (
        _Row(
            draw.render(event_name(event).rpartition(" (")[0], font),
            REGIONS[ACTIONS[event.action].region],
            bars=BARS[event.strength],
        )
        for event in face.events
    )
    return head, *events


def _shorter_and_shorter(rows: tuple[_Row, ...]) -> list[tuple[_Row, ...]]:
    """All rows, then ever fewer: in a crowd the id remains."""
    return [rows[:count] for count in range(len(rows), 0, -1)]


def _box(face: ShownFace) -> Box:
    x0, y0, x1, y1 = (float(value) for value in face.box)
    return x0, y0, x1, y1
