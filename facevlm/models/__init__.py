"""The boxes of the papers' figures: tensors in, tensors out, one file each (needs the extra `models`).

Nothing here knows of videos, detectors, files of frames or prompts.
"""

from facevlm.errors import MissingExtraError

try:
    import torch as _torch  # noqa: F401
    import transformers as _transformers  # noqa: F401
except ModuleNotFoundError as error:
    raise MissingExtraError(
        f"models need the package {error.name}", mend="run: pip install 'facevlm[models]'"
    ) from error
