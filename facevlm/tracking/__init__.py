"""Through time: one stable id per face, shots respected, the main character chosen."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facevlm.tracking.aflink import AFLinkConfig
    from facevlm.tracking.association import AssociationConfig
    from facevlm.tracking.camera_motion import CameraMotionConfig
    from facevlm.tracking.detected import DetectedBoxes
    from facevlm.tracking.duplicates import DuplicatesConfig
    from facevlm.tracking.interpolation import InterpolationConfig
    from facevlm.tracking.kalman import KalmanConfig
    from facevlm.tracking.relink import RelinkConfig
    from facevlm.tracking.strongsort import DEEPSORT, FACES, StrongSort, StrongSortConfig, TrackedBox
    from facevlm.tracking.tracker import TrackerConfig

_HOME = {
    "AFLinkConfig": "facevlm.tracking.aflink",
    "AssociationConfig": "facevlm.tracking.association",
    "CameraMotionConfig": "facevlm.tracking.camera_motion",
    "DetectedBoxes": "facevlm.tracking.detected",
    "DuplicatesConfig": "facevlm.tracking.duplicates",
    "InterpolationConfig": "facevlm.tracking.interpolation",
    "KalmanConfig": "facevlm.tracking.kalman",
    "RelinkConfig": "facevlm.tracking.relink",
    "TrackerConfig": "facevlm.tracking.tracker",
    **dict.fromkeys(
        ("DEEPSORT", "FACES", "StrongSort", "StrongSortConfig", "TrackedBox"), "facevlm.tracking.strongsort"
    ),
}
__all__ = [
    "DEEPSORT",
    "FACES",
    "AFLinkConfig",
    "AssociationConfig",
    "CameraMotionConfig",
    "DetectedBoxes",
    "DuplicatesConfig",
    "InterpolationConfig",
    "KalmanConfig",
    "RelinkConfig",
    "StrongSort",
    "StrongSortConfig",
    "TrackedBox",
    "TrackerConfig",
]


def __getattr__(name: str) -> Any:
    """Import the tracker when first used, so that the small types beside it stay quick to import."""
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'facevlm.tracking' has no attribute {name!r}")
