"""What the journeys share: one filmed puppet, described once; and the world of squares in place of the networks."""

from pathlib import Path

import pytest
from hypothesis import settings

from facevlm.description import Description
from facevlm.faces.detect import DETECTORS
from facevlm.faces.embed import EMBEDDERS
from facevlm.faces.mesh import MESHES
from tests.squares import SquareDetector, SquareEmbedder, SquareMesh

settings.register_profile("untimed", deadline=None)  # a busy machine fails no test
settings.load_profile("untimed")


@pytest.fixture
def squares(monkeypatch) -> type[SquareDetector]:
    """Squares are faces; the detector counts its calls."""
    monkeypatch.setitem(DETECTORS, "whole", SquareDetector)
    monkeypatch.setitem(MESHES, "attention", SquareMesh)
    monkeypatch.setitem(EMBEDDERS, "descriptor", SquareEmbedder)
    monkeypatch.setattr(SquareDetector, "calls", 0)
    return SquareDetector


@pytest.fixture(scope="session")
def puppet_clip(tmp_path_factory):
    """Five seconds of the astronaut: `ClipTruth` of a clip of 320x320, 25 frames a second."""
    pytest.importorskip("skimage", reason="the portrait comes with scikit-image (extra: demo)")
    from fractions import Fraction

    from facevlm.puppet.demo import astronaut
    from facevlm.puppet.moves import Move
    from facevlm.puppet.puppet import Puppet
    from facevlm.puppet.record import write_clip
    from facevlm.puppet.scene import Film, Scene
    from facevlm.puppet.script import Idle, Script

    moves = (
        Move("blink", 0.50, 0.74, onset_s=0.09, offset_s=0.13),
        Move("smile", 1.00, 2.20, "strong", teeth=True, onset_s=0.3, offset_s=0.3),
        Move("head_turn_left", 2.50, 3.60, "clear", onset_s=0.35, offset_s=0.35),
        Move("wink", 4.00, 4.55, "strong", side="left", onset_s=0.12, offset_s=0.16),
    )
    scene = Scene.of(
        Puppet.from_photo(astronaut(), size=320), Script(moves, 5.0, Idle(seed=4)), film=Film(fps=Fraction(25))
    )
    return write_clip(tmp_path_factory.mktemp("puppet") / "puppet.mp4", scene)


@pytest.fixture(scope="session")
def described(puppet_clip) -> Description:
    """What is said of the puppet, all defaults."""
    from facevlm.describing import describe

    return describe(Path(puppet_clip.path))
