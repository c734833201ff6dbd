"""Through time: one stable id per face, shots respected, the main character chosen."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facevlm.tracking.detected import DetectedBoxes
    from facevlm.tracking.strongsort import DEEPSORT, FACES, StrongSort, StrongSortConfig, TrackedBox

_HOME = {
    "DetectedBoxes": "facevlm.tracking.detected",
    **dict.fromkeys(
        ("DEEPSORT", "FACES", "StrongSort", "StrongSortConfig", "TrackedBox"), "facevlm.tracking.strongsort"
    ),
}
__all__ = ["DEEPSORT", "FACES", "DetectedBoxes", "StrongSort", "StrongSortConfig", "TrackedBox"]


def __getattr__(name: str) -> Any:
    """Import the tracker when first used, so that the small types beside it stay quick to import."""
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'facevlm.tracking' has no attribute {name!r}")
