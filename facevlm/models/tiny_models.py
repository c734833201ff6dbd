"""Tiny models, whole: random weights from a seed, tokenizers made by code, processor; about a megabyte, no network.

Everything runs on them as on the real ones. Their words are noise, and their config says so: `untrained`.
"""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerBase

from facevlm.errors import UsageError
from facevlm.models.clip_processor import FACE_TOKEN, VIDEO_TOKEN, ClipProcessor, add_placeholders
from facevlm.models.facetrack_mm import FaceTrackMMConfig, FaceTrackMMForConditionalGeneration
from facevlm.models.facetrack_mm_processor import FaceTrackMMProcessor
from facevlm.models.favchat import FaVChatConfig, FaVChatForConditionalGeneration
from facevlm.models.favchat_processor import FaVChatProcessor, FaVChatV2Processor
from facevlm.models.favchat_v2 import FaVChatV2Config, FaVChatV2ForConditionalGeneration
from facevlm.models.language_side import FaceLanguageModel
from facevlm.models.presets import FACETRACK_MM, FAVCHAT, FAVCHAT_V2
from facevlm.models.small_tokenizers import small_bert_tokenizer, small_llm_tokenizer

Made = tuple[FaceLanguageModel, ClipProcessor]


def tiny_favchat(**changes: object) -> Made:
    """A FaVChat and its processor; `changes` are fields of its config."""
    config = FaVChatConfig(**{**deepcopy(FAVCHAT["tiny"]), **changes})
    processor = FaVChatProcessor.for_config(config, _tokenizer(config.placeholder_ids), small_bert_tokenizer())
    return FaVChatForConditionalGeneration(config), processor


def tiny_favchat_v2(**changes: object) -> Made:
    """A FaVChat v2 and its processor."""
    config = FaVChatV2Config(**{**deepcopy(FAVCHAT_V2["tiny"]), **changes})
    return (
        FaVChatV2ForConditionalGeneration(config),
        FaVChatV2Processor.for_config(config, _tokenizer(config.placeholder_ids)),
    )


def tiny_facetrack_mm(**changes: object) -> Made:
    """A FaceTrack-MM and its processor."""
    config = FaceTrackMMConfig(**{**deepcopy(FACETRACK_MM["tiny"]), **changes})
    return (
        FaceTrackMMForConditionalGeneration(config),
        FaceTrackMMProcessor.for_config(config, _tokenizer(config.placeholder_ids)),
    )


TINY: dict[str, Callable[..., Made]] = {
    "tiny": tiny_favchat,
    "tiny-favchat": tiny_favchat,
    "tiny-favchat-v2": tiny_favchat_v2,
    "tiny-facetrack-mm": tiny_facetrack_mm,
}


def tiny_model(name: str = "tiny", *, seed: int = 0, **changes: object) -> Made:
    """A tiny model and its processor.

    Args:
        name: A key of `TINY`.
        seed: Of the weights; the random numbers of the caller are left alone.
        changes: Fields of its config in place of the preset's.

    Raises:
        UsageError: No such model.
    """
    if name not in TINY:
        raise UsageError(f"no tiny model {name!r}", mend=f"choose among {', '.join(TINY)}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model, processor = TINY[name](**changes)
    model.config.untrained = True
    model.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    model.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    return model.eval(), processor


def write_tiny(folder: str | Path, name: str = "tiny", *, seed: int = 0) -> None:
    """Write a tiny model as a folder for `from_pretrained`; see `tiny_model`."""
    model, processor = tiny_model(name, seed=seed)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def _tokenizer(placeholder_ids: list[int]) -> PreTrainedTokenizerBase:
    """A small tokenizer in which the placeholders have these ids."""
    tokenizer = small_llm_tokenizer(min(placeholder_ids))
    add_placeholders(tokenizer, [VIDEO_TOKEN, FACE_TOKEN][: len(placeholder_ids)])
    return tokenizer
