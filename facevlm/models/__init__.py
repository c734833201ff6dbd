"""The boxes of the papers' figures, and the models made of them: tensors in, tensors out (needs the extra `models`).

Nothing here knows of videos, detectors or files of frames. Importing this makes the whole models and their processors
known to the Auto classes of transformers.
"""

from facevlm.errors import MissingExtraError

try:
    from facevlm.models.facetrack_mm import FaceTrackMMConfig, FaceTrackMMForConditionalGeneration
    from facevlm.models.facetrack_mm_processor import FaceTrackMMProcessor
    from facevlm.models.favchat import FaVChatConfig, FaVChatForConditionalGeneration
    from facevlm.models.favchat_processor import FaVChatProcessor, FaVChatV2Processor
    from facevlm.models.favchat_v2 import FaVChatV2Config, FaVChatV2ForConditionalGeneration
    from facevlm.models.model_clip import ModelClip
except ModuleNotFoundError as error:
    if (error.name or "").startswith("facevlm"):
        raise
    raise MissingExtraError(
        f"models need the package {error.name}", mend="run: pip install 'facevlm[models]'"
    ) from error

__all__ = [
    "FaVChatConfig",
    "FaVChatForConditionalGeneration",
    "FaVChatProcessor",
    "FaVChatV2Config",
    "FaVChatV2ForConditionalGeneration",
    "FaVChatV2Processor",
    "FaceTrackMMConfig",
    "FaceTrackMMForConditionalGeneration",
    "FaceTrackMMProcessor",
    "ModelClip",
]
