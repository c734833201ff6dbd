"""Tokenizers of public folders, and the processor that an assembled model is asked through."""

from collections.abc import Callable, Sequence
from pathlib import Path

from transformers import AutoTokenizer, GenerationConfig, PreTrainedConfig, PreTrainedTokenizerBase

from facevlm.errors import WeightsError
from facevlm.models.clip_processor import FACE_TOKEN, VIDEO_TOKEN, ClipProcessor, add_placeholders
from facevlm.models.facetrack_mm import FaceTrackMMConfig
from facevlm.models.facetrack_mm_processor import FaceTrackMMProcessor
from facevlm.models.favchat import FaVChatConfig
from facevlm.models.favchat_processor import FaVChatProcessor, FaVChatV2Processor
from facevlm.models.favchat_v2 import FaVChatV2Config
from facevlm.models.public_files import PublicFile

OF_LANGUAGE_MODELS = ("llm", "videollama2")
OF_BERT = ("bert",)
QFORMER_START = "[DEC]"  # which VideoChat2 adds to BERT's
FILES = ("tokenizer.json", "tokenizer.model", "vocab.txt", "vocab.json")


def language_tokenizer(files: Sequence[PublicFile], placeholders: Sequence[str]) -> PreTrainedTokenizerBase | None:
    """The language model's tokenizer with the placeholders of a clip; None where no source has one.

    Raises:
        WeightsError: It cannot be read.
    """
    tokenizer = _tokenizer(files, OF_LANGUAGE_MODELS)
    if tokenizer is not None:
        add_placeholders(tokenizer, placeholders)
    return tokenizer


def placeholders_of(config_class: type[PreTrainedConfig]) -> dict[str, str]:
    """Placeholders of a model: the field of its config -> the token."""
    face = {"face_token_id": FACE_TOKEN} if config_class is FaceTrackMMConfig else {}
    return {"video_token_id": VIDEO_TOKEN, **face}


def assembled_processor(config: PreTrainedConfig, files: Sequence[PublicFile]) -> ClipProcessor:
    """The processor of a model, with the tokenizers of its sources.

    Raises:
        WeightsError: A source of a tokenizer is missing, or one cannot be read.
        UsageError: A tokenizer is not the config's: its placeholders have other ids.
    """
    tokens = list(placeholders_of(type(config)).values())
    tokenizer = _needed(language_tokenizer(files, tokens), "the language model", "--from llm=FOLDER")
    if isinstance(config, FaVChatConfig):
        bert = _needed(_tokenizer(files, OF_BERT), "the Q-Former", "--from bert")
        bert.add_special_tokens({"bos_token": QFORMER_START})
        return FaVChatProcessor.for_config(config, tokenizer, bert)
    make: Callable[..., ClipProcessor] = (
        FaVChatV2Processor.for_config if isinstance(config, FaVChatV2Config) else FaceTrackMMProcessor.for_config
    )
    return make(config, tokenizer)


def save_processor(processor: ClipProcessor, folder: Path) -> None:
    """Write a processor into a model's folder, and which tokens end and fill up an answer.

    Where the language model came with its own generation config, only what that lacks is added.
    """
    processor.save_pretrained(folder)
    settled = GenerationConfig()
    if (folder / "generation_config.json").is_file():
        settled = GenerationConfig.from_pretrained(str(folder))
    for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
        if getattr(settled, name) is None:
            setattr(settled, name, getattr(processor.tokenizer, name))
    settled.save_pretrained(folder)


def _needed(tokenizer: PreTrainedTokenizerBase | None, whose: str, how: str) -> PreTrainedTokenizerBase:
    if tokenizer is None:
        mend = f"give {how}, or --without-processor"
        raise WeightsError(f"no source has a tokenizer for {whose}", mend=mend)
    return tokenizer


def _tokenizer(files: Sequence[PublicFile], sources: Sequence[str]) -> PreTrainedTokenizerBase | None:
    for file in files:
        if file.source in sources and any((file.folder / name).is_file() for name in FILES):
            try:
                return AutoTokenizer.from_pretrained(str(file.folder), local_files_only=True, trust_remote_code=False)
            except (OSError, ValueError, KeyError, ImportError) as error:
                first = str(error).strip().splitlines()[0]
                raise WeightsError(f"its tokenizer cannot be read: {first}", where=file.folder) from error
    return None
