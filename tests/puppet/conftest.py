"""One small puppet and one mesh for all tests of the area."""

import numpy as np
import pytest

from facevlm.faces.mesh import AttentionMesh, Roi
from facevlm.puppet.controls import Controls
from facevlm.puppet.demo import astronaut
from facevlm.puppet.puppet import Puppet
from facevlm.puppet.shape import LIDS, FaceFrame


@pytest.fixture(scope="session")
def portrait() -> np.ndarray:
    pytest.importorskip("skimage", reason="the portrait comes with scikit-image (extra: demo)")
    return astronaut()


@pytest.fixture(scope="session")
def puppet(portrait: np.ndarray) -> Puppet:
    return Puppet.from_photo(portrait, size=320)


@pytest.fixture(scope="session")
def smiling(portrait: np.ndarray) -> Puppet:
    """The same portrait as it is: with a toothy smile."""
    return Puppet.from_photo(portrait, size=320, neutral=False)


class Ruler:
    """Measures rendered faces with the attention mesh, which knows nothing of the controls."""

    def __init__(self) -> None:
        self.mesh = AttentionMesh()

    def landmarks(self, puppet: Puppet, image: np.ndarray) -> np.ndarray:
        first = self.mesh.fit(image, Roi.from_landmarks(puppet.landmarks))
        fitted = self.mesh.fit(image, Roi.from_landmarks(first.landmarks))
        assert fitted.presence > 0.9
        return fitted.landmarks.astype(float)

    def measure(self, puppet: Puppet, controls: Controls) -> dict[str, float]:
        return signals(self.landmarks(puppet, puppet.render(controls)))


def signals(landmarks: np.ndarray) -> dict[str, float]:
    """Plain distances in units of the outer-eye distance, eye widths and degrees."""
    frame = FaceFrame.of(landmarks)
    local = frame.to_local(landmarks)

    def opening(side: str) -> float:
        upper, lower = (list(lid) for lid in LIDS[side])
        width = np.linalg.norm(local[upper[0]] - local[upper[-1]])
        return float(np.linalg.norm(local[upper[2:7]] - local[lower[2:7]], axis=1).mean() / width)

    gaze = []
    for side, iris in (("right", 468), ("left", 473)):
        a, b = local[LIDS[side][0][0]], local[LIDS[side][0][-1]]
        gaze.append((local[iris] - (a + b) / 2) / np.linalg.norm(b - a))
    return {
        "eye_right": opening("right"),
        "eye_left": opening("left"),
        "gaze_x": float(np.mean(gaze, axis=0)[0]),
        "gaze_y": float(np.mean(gaze, axis=0)[1]),
        "brow_right": -float(local[[105, 66, 63], 1].mean()),
        "brow_left": -float(local[[334, 296, 293], 1].mean()),
        "lips_apart": float(np.linalg.norm(local[13] - local[14])),
        "mouth_width": float(np.linalg.norm(local[61] - local[291])),
        "lift_right": float(local[[0, 17], 1].mean() - local[61, 1]),
        "lift_left": float(local[[0, 17], 1].mean() - local[291, 1]),
        "lips_red": float(np.linalg.norm(local[0] - local[13]) + np.linalg.norm(local[17] - local[14])),
        "chin_x": float(local[152, 0]),
        "yaw": float(np.degrees(np.arctan2(-frame.axes[0, 2], frame.axes[2, 2]))),
        "pitch": float(np.degrees(np.arctan2(frame.axes[1, 2], frame.axes[2, 2]))),
        "roll": float(np.degrees(np.arctan2(frame.axes[1, 0], frame.axes[0, 0]))),
    }


@pytest.fixture(scope="session")
def ruler() -> Ruler:
    return Ruler()


@pytest.fixture(scope="session")
def at_rest(puppet: Puppet, ruler: Ruler) -> dict[str, float]:
    return ruler.measure(puppet, Controls())
