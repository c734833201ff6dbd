"""Load a model with its processor and let it answer: greedily, with a confidence, word by word if wanted."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from torch import Tensor
from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor, TextStreamer
from transformers.utils import logging

from facevlm.errors import InputError, UsageError, WeightsError
from facevlm.models.clip_processor import ClipProcessor, Conversation
from facevlm.models.facetrack_mm import FaceTrackMMConfig, FaceTrackMMForConditionalGeneration
from facevlm.models.favchat import FaVChatConfig, FaVChatForConditionalGeneration
from facevlm.models.favchat_v2 import FaVChatV2Config, FaVChatV2ForConditionalGeneration
from facevlm.models.language_side import FaceLanguageModel
from facevlm.models.model_clip import ModelClip
from facevlm.models.quantizing import quantization
from facevlm.models.tiny_models import TINY, tiny_model

STATES = {  # what `see` of each kind of model returns, as its `forward` takes it
    FaVChatConfig.model_type: ("general_states", "facial_states"),
    FaVChatV2Config.model_type: ("general_states", "facial_states"),
    FaceTrackMMConfig.model_type: ("scene_states", "face_states"),
}
SEVERAL: dict[str, Callable[..., Tensor]] = {  # how those of several clips of one prompt go together, from dimension 1
    FaVChatConfig.model_type: torch.stack,
    FaVChatV2Config.model_type: torch.stack,
    FaceTrackMMConfig.model_type: torch.cat,
}
MODEL_CLASSES: dict[str, type[FaceLanguageModel]] = {
    FaVChatConfig.model_type: FaVChatForConditionalGeneration,
    FaVChatV2Config.model_type: FaVChatV2ForConditionalGeneration,
    FaceTrackMMConfig.model_type: FaceTrackMMForConditionalGeneration,
}


@dataclass(frozen=True)
class SeenClip:
    """A clip after the encoders: all that questions about it need.

    Attributes:
        clip: The frames that were shown.
        states: Inputs of the model's `forward` in place of pictures.
    """

    clip: ModelClip
    states: dict[str, Tensor | None]


@dataclass(frozen=True)
class Generated:
    """An answer as it was generated.

    Attributes:
        text: Without marks of the format.
        confidence: Geometric mean of the probabilities that the model gave to its own tokens, the end included, in
            [0, 1]; None where it said nothing.
        ended: Whether it came to an end before the limit.
    """

    text: str
    confidence: float | None
    ended: bool


def load_model(
    name: str | Path,
    *,
    device: str | None = None,
    dtype: str | torch.dtype = "auto",
    quantize: str | None = None,
) -> tuple[FaceLanguageModel, ClipProcessor]:
    """A model and its processor, ready to answer.

    Args:
        name: A folder as `save_pretrained` writes it, or a key of `TINY`.
        device: Such as "cpu" or "cuda"; None for a GPU where there is one.
        dtype: Of the weights; "auto" for that of the files.
        quantize: "4bit" or "8bit" for the language model of a folder, by bitsandbytes; see `quantizing`.

    Raises:
        UsageError: Neither a folder nor a tiny model, another kind of model, no such device, or a tiny one in few bits.
        MissingExtraError: `quantize` is given, and bitsandbytes is not installed.
        WeightsError: Files are missing or damaged, or hold other weights than the config asks for.
    """
    if isinstance(name, str) and name in TINY:
        if quantize is not None:
            raise UsageError("tiny models are not kept in few bits", where="quantize", mend="give a folder")
        model, processor = tiny_model(name)
    else:
        model, processor = _from_folder(Path(name), dtype, quantize)
    try:
        place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        if quantize is None:  # else the weights are where bitsandbytes put them
            torch.nn.Module.to(model, place)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"no device {device!r} here", where="--device", mend="give cpu") from error
    return model.eval(), processor


def see(model: FaceLanguageModel, processor: ClipProcessor, clip: ModelClip, *, seed: int = 0) -> SeenClip:
    """Both streams of a clip through the encoders, once for any number of questions.

    Args:
        model, processor: From `load_model`.
        clip: Frames and crops.
        seed: For processors that draw faces at random.

    Raises:
        InputError: The clip has no face where one is needed.
    """
    (shown,) = processor.shown(clip, seed=seed)
    pixels = processor.pixels([shown])
    with torch.inference_mode():
        states = cast(Any, model).see(*(pixels[name].to(model.device) for name in ("video", "faces") if name in pixels))
    return SeenClip(shown, dict(zip(STATES[model.config.model_type], states, strict=True)))


def states_of(model: FaceLanguageModel, clips: Sequence[SeenClip]) -> dict[str, Tensor]:
    """States of the clips of one prompt, as `forward` takes them."""
    found: dict[str, Tensor] = {}
    for name in STATES[model.config.model_type]:
        states = [state for one in clips if (state := one.states[name]) is not None]
        if states:
            found[name] = states[0] if len(states) == 1 else SEVERAL[model.config.model_type](states, dim=1)
    return found


def generate_answer(
    model: FaceLanguageModel,
    processor: ClipProcessor,
    seen: SeenClip | Sequence[SeenClip],
    conversation: Conversation,
    *,
    max_new_tokens: int = 512,
    on_text: Callable[[str], None] | None = None,
) -> Generated:
    """The model's next message of a conversation about clips, or about words alone.

    Args:
        model, processor: From `load_model`.
        seen: From `see`: a clip, or all in the order of their places in the conversation; none for words alone.
        conversation: Ends with the user's question; see `ClipProcessor`.
        max_new_tokens: Longest answer.
        on_text: Called with each further piece of the text; what it raises ends the generation.

    Raises:
        InputError: The conversation is not as it must be, or too long for the model.
    """
    clips = [seen] if isinstance(seen, SeenClip) else list(seen)
    prompts = processor.prompts([one.clip for one in clips], conversation)
    prompt = {name: tensor.to(model.device) for name, tensor in prompts.items()}
    length, room = prompt["input_ids"].shape[1], model.config.text_config.max_position_embeddings
    if length + max_new_tokens > room:
        what = f"a prompt of {length} tokens and an answer of up to {max_new_tokens} do not fit into {room}"
        raise InputError(what, mend="ask for a shorter answer, begin a new conversation, or put less into the prompt")
    with torch.inference_mode():
        made = model.generate(
            **prompt,
            **states_of(model, clips),
            do_sample=False,
            max_new_tokens=max_new_tokens,
            eos_token_id=processor.tokenizer.eos_token_id,
            pad_token_id=processor.tokenizer.pad_token_id,
            streamer=None if on_text is None else _Pieces(processor.tokenizer, on_text),
            return_dict_in_generate=True,
            output_logits=True,
        )
    tokens = made.sequences[0, length:]
    chances = [step[0].float().log_softmax(-1)[token] for step, token in zip(made.logits, tokens, strict=True)]
    confidence = math.exp(float(torch.stack(chances).mean())) if chances else None
    text = processor.tokenizer.decode(tokens, skip_special_tokens=True).strip()
    ended = bool(len(tokens)) and int(tokens[-1]) == processor.tokenizer.eos_token_id
    return Generated(text, confidence if text else None, ended)


class _Pieces(TextStreamer):
    """Hands on the text of an answer as soon as its words are complete."""

    def __init__(self, tokenizer: Any, on_text: Callable[[str], None]) -> None:
        super().__init__(tokenizer, skip_prompt=True, skip_special_tokens=True)
        self._on_text = on_text

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        if text:
            self._on_text(text)


def _from_folder(
    folder: Path, dtype: str | torch.dtype, quantize: str | None
) -> tuple[FaceLanguageModel, ClipProcessor]:
    if not (folder / "config.json").is_file():
        mend = f"give a folder as save_pretrained writes it, or one of {', '.join(TINY)}"
        raise UsageError("no folder of a model", where=folder, mend=mend)
    if not (folder / "processor_config.json").is_file():
        raise WeightsError("has no processor", where=folder, mend="save the model's processor in the same folder")
    verbosity = logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()  # what it would say of the weights is told by the errors below
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        if config.model_type not in STATES:
            mend = f"this can load {', '.join(STATES)}"
            raise UsageError(f"is a model of type {config.model_type}", where=folder, mend=mend)
        bits = quantization(MODEL_CLASSES[config.model_type], quantize)
        processor = AutoProcessor.from_pretrained(folder, local_files_only=True)
        loaded: Any = AutoModelForImageTextToText.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            dtype=dtype,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            **bits,
        )
        model, report = loaded
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())
        what = f"cannot be loaded: {reason[:200]}"
        raise WeightsError(what, where=folder, mend="write the folder anew") from error
    finally:
        logging.enable_progress_bar()
        logging.set_verbosity(verbosity)
    for what in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if report[what]:
            first = min(key if isinstance(key, str) else key[0] for key in report[what])
            found = f"its weights have {len(report[what])} {what.replace('_', ' ')}, such as {first}"
            raise WeightsError(found, where=folder, mend="the weights and config.json must be of one model")
    return model, processor
