"""The boxes of the papers' figures, and the models made of them: tensors in, tensors out (needs the extra `models`).

Nothing here knows of videos, detectors, files of frames or prompts. Importing this makes the whole models known to the
Auto classes of transformers.
"""

from facevlm.errors import MissingExtraError

try:
    from facevlm.models.facetrack_mm import FaceTrackMMConfig, FaceTrackMMForConditionalGeneration
    from facevlm.models.favchat import FaVChatConfig, FaVChatForConditionalGeneration
    from facevlm.models.favchat_v2 import FaVChatV2Config, FaVChatV2ForConditionalGeneration
except ModuleNotFoundError as error:
    if (error.name or "").startswith("facevlm"):
        raise
    raise MissingExtraError(
        f"models need the package {error.name}", mend="run: pip install 'facevlm[models]'"
    ) from error

__all__ = [
    "FaVChatConfig",
    "FaVChatForConditionalGeneration",
    "FaVChatV2Config",
    "FaVChatV2ForConditionalGeneration",
    "FaceTrackMMConfig",
    "FaceTrackMMForConditionalGeneration",
]
