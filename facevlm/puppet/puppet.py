"""A puppet: a photo with one face that is drawn anew for any state of its controls."""

from copy import copy
from functools import cached_property

import cv2
import numpy as np

from facevlm.errors import InputError
from facevlm.faces.detect import Detector, WholeFrame
from facevlm.faces.mesh import AttentionMesh, MeshFitter, Roi
from facevlm.puppet.controls import Controls
from facevlm.puppet.creases import furrow_lines
from facevlm.puppet.eyes import Eye
from facevlm.puppet.matte import cut_out
from facevlm.puppet.mouth import Mouth
from facevlm.puppet.shape import JAW_DROP, SMILE_LIFT, FaceFrame, Muscles
from facevlm.puppet.warp import FaceTriangles, HeadTurn, enlarge, sample, vertices

HEAD_SHARE = 0.42  # height of the face's mesh / side of the crop
MIN_PRESENCE = 0.5
GAPING = 0.175  # opening of the lips in outer-eye distances from which shutting them would look torn
RESTING_LIFT = 0.02  # corner lift of a resting mouth, outer-eye distances


class Puppet:
    """A photo that can be moved.

    Args:
        image: uint8 (H, W, 3) RGB.
        landmarks: float (478, 3) mesh of its face, pixels.
        rest: State of the controls that is taken as neutral, such as a smile of the photo pulled back.
    """

    def __init__(self, image: np.ndarray, landmarks: np.ndarray, *, rest: Controls | None = None) -> None:
        self.image = np.ascontiguousarray(image)
        self.landmarks = landmarks.astype(np.float64)
        self.rest = rest or Controls()
        self.frame = FaceFrame.of(self.landmarks)
        points, follow = vertices(self.landmarks)
        self.muscles = Muscles(self.frame.to_local(points), follow)
        spread = points + self.frame.vectors(
            self.muscles.displace(Controls(jaw_open=0.5, close_right=-0.4, close_left=-0.4))
        )
        self.triangles = FaceTriangles.of(self.landmarks, spread[:, :2])
        self.eyes = {side: Eye(self.image, self.landmarks, side) for side in ("right", "left")}
        self.mouth = Mouth(self.image, self.landmarks)
        self.turn = HeadTurn(self.landmarks, (image.shape[1], image.shape[0]))

    @classmethod
    def from_photo(
        cls,
        photo: np.ndarray,
        *,
        size: int = 512,
        crop: bool = True,
        neutral: bool = True,
        detector: Detector | None = None,
        mesh: MeshFitter | None = None,
    ) -> "Puppet":
        """Find the largest face of a photo and make it a puppet.

        Args:
            photo: uint8 (H, W, 3) RGB.
            size: Longer side in pixels of the puppet's picture.
            crop: Whether to cut the photo to head and shoulders (a square where the photo allows it).
            neutral: Whether a smile and parted lips of the photo are pulled back as far as that looks natural
                (`neutral_state`); else the photo is the rest.
            detector: Finds the face; default both BlazeFace networks.
            mesh: Fits the mesh; default the attention mesh.

        Raises:
            InputError: No face was found.
        """
        detector, mesh = detector or WholeFrame(), mesh or AttentionMesh()
        found = detector.detect(photo)
        if not len(found.scores):
            raise InputError("no face was found in the photo", mend="use a photo that shows a face from the front")
        sides = found.boxes[:, 2:] - found.boxes[:, :2]
        largest = int(np.argmax(sides.prod(1)))
        landmarks = fit(mesh, photo, Roi.from_detection(found.boxes[largest], found.keypoints[largest]))
        if crop:
            low, high = landmarks[:468, :2].min(0), landmarks[:468, :2].max(0)
            side = (high - low).max() / HEAD_SHARE
            centre = (low + high) / 2
            box = _square_inside(centre, side, photo.shape[1], photo.shape[0])
            photo = photo[box[1] : box[3], box[0] : box[2]]
        scale = size / max(photo.shape[:2])
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        into = (2 * round(photo.shape[1] * scale / 2), 2 * round(photo.shape[0] * scale / 2))
        photo = cv2.resize(photo, into, interpolation=how)
        if crop:
            landmarks = landmarks - np.array([box[0], box[1], 0], np.float32)
        landmarks = fit(mesh, photo, Roi.from_landmarks(landmarks * np.float32(scale)))
        puppet = cls(photo, landmarks)
        return puppet.with_rest(puppet.neutral_state()) if neutral else puppet

    def with_rest(self, rest: Controls) -> "Puppet":
        """The same photo with another neutral state."""
        other = copy(self)
        other.rest = rest
        return other

    def neutral_state(self) -> Controls:
        """What takes the photo's face nearest to rest: lips that are not gaping shut, the smile pulled back."""
        none = Controls()
        shut = 1.0 if self.lip_gap(none) <= GAPING else 0.0
        smile = float(np.clip((RESTING_LIFT - self.corner_lift(none)) / SMILE_LIFT, -0.7, 0.0))
        return Controls(shut=shut, smile_right=smile, smile_left=smile)

    def lip_gap(self, controls: Controls) -> float:
        """Opening of the inner lips in outer-eye distances for a state relative to the photo, before the head turns."""
        moved = self.deform(controls)
        return float(np.linalg.norm(moved[[82, 13, 312]] - moved[[87, 14, 317]], axis=1).mean() / self.frame.unit)

    def corner_lift(self, controls: Controls) -> float:
        """How far the corners stand above the middle of the lips, in outer-eye distances, before the head turns."""
        moved = self.deform(controls)
        return float((moved[[0, 17]].mean(0) - moved[[61, 291]].mean(0)) @ self.frame.axes[:2, 1] / self.frame.unit)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture in pixels."""
        return self.image.shape[1], self.image.shape[0]

    def at_rest(self, controls: Controls) -> Controls:
        """A state relative to the puppet's neutral one → relative to the photo."""
        return add(self.rest, controls)

    def deform(self, controls: Controls) -> np.ndarray:
        """Vertices with the face's muscles moved and the head not yet turned: float (V, 2) pixels."""
        local = self.muscles.displace(controls)
        return self.triangles.rest[:, :2] + self.frame.vectors(local)[:, :2]

    def render(self, controls: Controls) -> np.ndarray:
        """Draw one state of the face: uint8 (H, W, 3) RGB."""
        controls = self.at_rest(controls)
        return self._turned(self._face(controls), controls)

    def render_cut_out(self, controls: Controls) -> tuple[np.ndarray, np.ndarray]:
        """Draw the person alone: uint8 (H, W, 3) RGB, and float32 (H, W) coverage in [0, 1]."""
        controls = self.at_rest(controls)
        return self._turned(self._face(controls), controls), self._turned(self.matte, controls)

    @cached_property
    def matte(self) -> np.ndarray:
        """Which pixels of the photo are the person: float32 (H, W) coverage in [0, 1]."""
        return cut_out(self.image, self.landmarks)

    def points(self, controls: Controls) -> np.ndarray:
        """Where the 468 landmarks are drawn: float (468, 2) pixels."""
        controls = self.at_rest(controls)
        return self.turn.forward(self.deform(controls)[:468], self._field(controls))

    def _face(self, controls: Controls) -> np.ndarray:
        moved = self.deform(controls)
        face = self.triangles.warp(self.image, moved)
        furrow_lines(face, moved, controls.furrow + 0.35 * controls.wrinkle)
        for eye in self.eyes.values():
            eye.draw(face, moved, (controls.gaze_x, controls.gaze_y))
        self.mouth.draw(face, moved, controls.jaw_open * JAW_DROP - 0.62 * controls.shut * self.mouth.gap)
        return face

    def _turned(self, layer: np.ndarray, controls: Controls) -> np.ndarray:
        if not any((controls.yaw, controls.pitch, controls.roll, controls.shift_x, controls.shift_y)):
            return layer
        where = enlarge(self.turn.grid + self.turn.inverse(self._field(controls)), self.size)
        how = cv2.INTER_CUBIC if layer.ndim == 3 else cv2.INTER_LINEAR
        return sample(layer, where, how, cv2.BORDER_REPLICATE)

    def _field(self, controls: Controls) -> np.ndarray:
        return self.turn.field(
            yaw=controls.yaw, pitch=controls.pitch, roll=controls.roll, shift=(controls.shift_x, controls.shift_y)
        )


def add(first: Controls, second: Controls) -> Controls:
    """Sum of two states."""
    return Controls(**{name: getattr(first, name) + getattr(second, name) for name in vars(first)})


def fit(mesh: MeshFitter, image: np.ndarray, roi: Roi) -> np.ndarray:
    """Landmarks of a face, fitted until the region no longer moves: float32 (478, 3) pixels.

    Raises:
        InputError: The region shows no face.
    """
    for _ in range(3):
        fitted = mesh.fit(image, roi)
        roi = Roi.from_landmarks(fitted.landmarks)
    if fitted.presence < MIN_PRESENCE:
        raise InputError("the mesh sees no face in the photo", mend="use a photo that shows a face from the front")
    return fitted.landmarks


def _square_inside(centre: np.ndarray, side: float, width: int, height: int) -> tuple[int, int, int, int]:
    """A square around a point, moved and shrunk until it lies in the photo: x0, y0, x1, y1."""
    side = min(side, width, height)
    x = float(np.clip(centre[0] - side / 2, 0, width - side))
    y = float(np.clip(centre[1] - side / 2, 0, height - side))
    return round(x), round(y), round(x + side), round(y + side)
