"""facevlm: finds every face in a video, times what it does, and says it in words."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facevlm.chatting import FaceChat
    from facevlm.describing import describe
    from facevlm.perceiving import perceive

_HOME = {"FaceChat": "facevlm.chatting", "describe": "facevlm.describing", "perceive": "facevlm.perceiving"}
__all__ = ["FaceChat", "describe", "perceive"]


def __getattr__(name: str) -> Any:
    """Import the three stories when first used, so that `import facevlm` is quick."""
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'facevlm' has no attribute {name!r}")
