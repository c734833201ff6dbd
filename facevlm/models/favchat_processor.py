"""Processors of FaVChat and FaVChat v2: a clip for both encoders, VideoChat2's prompt, the question for what reads it.

Prompt: `{system} [INST] <Video>{rows}</Video> The video contains 8 frames sampled at 0.4, … seconds. [/INST]
[INST] {question} [/INST] {answer} </s>`, the end again for each further question.
"""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from transformers import AutoProcessor, PreTrainedTokenizerBase

from facevlm.errors import InputError, UsageError
from facevlm.models.clip_processor import VIDEO_TOKEN, ClipProcessor
from facevlm.models.favchat import FaVChatConfig
from facevlm.models.favchat_v2 import FaVChatV2Config
from facevlm.models.frame_indices import videochat2_inference, videochat2_middle
from facevlm.models.model_clip import ModelClip
from facevlm.models.preprocess import face_pixels, umt_pixels

FRAMES = 8  # as VideoChat2 trains; FaVChat was evaluated with 16 too
SIDE = 224  # pixels


class FaVChatPixels(ClipProcessor):
    """What FaVChat and FaVChat v2 share: the pictures, and the prompt."""

    placeholders = (VIDEO_TOKEN,)
    template = "favchat"
    video_tokens: int
    face_input: str

    @property
    def faces_shown(self) -> Literal["none", "main", "all"]:
        """The main character's, where crops are taken."""
        return "main" if self.face_input == "crop" else "none"

    def shown(self, clips: ModelClip | Sequence[ModelClip], *, seed: int | None = None) -> list[ModelClip]:
        """The clips with exactly the model's number of frames, and the first person's crops where it takes crops."""
        chosen = super().shown(clips, seed=seed)
        if self.face_input == "crop" and (faceless := [k for k, clip in enumerate(chosen) if not clip.faces]):
            mend = "give crops of a face, or of whole frames where there is none"
            raise InputError(f"clip {faceless[0]} has no crops of a face", mend=mend)
        return [ModelClip(clip.frames, clip.times, clip.faces[:1]) for clip in chosen]

    def choose_frames(self, count: int) -> list[int]:
        """As VideoChat2 when answering; a clip of too few frames repeats its last one."""
        return (videochat2_inference if count > self.frames else videochat2_middle)(count, self.frames)

    def placeholder_counts(self, clip: ModelClip) -> dict[str, Any]:
        """Rows of the clip, and when its frames are."""
        return {"video_tokens": self.video_tokens, "times": [float(time) for time in clip.times]}

    def pixels(self, shown: Sequence[ModelClip]) -> dict[str, Tensor]:
        """Float32 "video" (B, 3, F, 224, 224) and "faces" (B, F, 3, 224, 224), of whole frames or of crops."""
        pictures = {"video": [umt_pixels(clip.frames, side=SIDE, resize=self._resizer) for clip in shown]}
        if self.face_input != "none":
            sources = [clip.faces[0] if self.face_input == "crop" else clip.frames for clip in shown]
            pictures["faces"] = [face_pixels(source, side=SIDE, resize=self._resizer) for source in sources]
        return {name: torch.stack([torch.from_numpy(picture) for picture in many]) for name, many in pictures.items()}


class FaVChatProcessor(FaVChatPixels):
    """Clips and conversations for `FaVChatForConditionalGeneration`.

    The Q-Former reads the last question, in its own vocabulary.

    Args:
        tokenizer: The language model's.
        qformer_tokenizer: The Q-Former's: BERT's with `[DEC]`.
        video_tokens: Rows of a clip in the prompt.
        frames: Frames of a clip.
        face_input: What the facial encoder sees: "frame", "crop", or "none" where there is no such encoder.
        instruct: Whether the Q-Former reads the question.
        longest_instruction: Most tokens that it reads; of more the last.
        resize: One of `preprocess.RESIZERS`.
        chat_template: The prompt's format; None for the model's own.

    Raises:
        UsageError: The tokenizer lacks the placeholder or an end token, or a value is none of the choices.
    """

    qformer_tokenizer: Any

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        qformer_tokenizer: PreTrainedTokenizerBase,
        video_tokens: int = 96,
        frames: int = FRAMES,
        face_input: str = "frame",
        instruct: bool = True,
        longest_instruction: int = 512,
        resize: str = "pil",
        chat_template: str | None = None,
    ) -> None:
        super().__init__(tokenizer, qformer_tokenizer)
        self.qformer_tokenizer.truncation_side = "left"
        self.video_tokens, self.frames, self.resize = video_tokens, frames, resize
        self.face_input, self.instruct, self.longest_instruction = face_input, instruct, longest_instruction
        _check_face_input(face_input, ("frame", "crop", "none"))
        self._adopt(chat_template)

    @classmethod
    def for_config(
        cls, config: FaVChatConfig, tokenizer: PreTrainedTokenizerBase, qformer_tokenizer: PreTrainedTokenizerBase
    ) -> "FaVChatProcessor":
        """The processor of a model.

        Raises:
            UsageError: The tokenizers are not the config's: ids or sizes differ.
        """
        qformer = config.boxes().general_qformer
        if qformer.text and len(qformer_tokenizer) > qformer.vocabulary:
            what = f"{len(qformer_tokenizer)} tokens, but the Q-Former knows {qformer.vocabulary}"
            raise UsageError(what, where="qformer_tokenizer")
        check_ids(tokenizer, {VIDEO_TOKEN: config.video_token_id})
        return cls(
            tokenizer,
            qformer_tokenizer,
            video_tokens=qformer.tokens,
            face_input="none" if config.variant == "without_fe" else config.face_input,
            instruct=qformer.text,
            longest_instruction=qformer.max_text,
        )

    def question_inputs(self, questions: Sequence[Sequence[str]]) -> dict[str, Tensor]:
        """Int64 "instruction" and "instruction_mask", (B, L), or (B, C, L); of too long ones the end is kept.

        VideoChat2 pads them on the left, where the Q-Former's positions begin: then an instruction means something else
        beside a longer one. Padded on the right, it means what it means alone.
        """
        if not self.instruct:
            return {}
        encoded = self.qformer_tokenizer(
            [question for asked in questions for question in asked],
            padding=True,
            padding_side="right",
            truncation=True,
            max_length=self.longest_instruction,
            return_tensors="pt",
        )
        names = {"instruction": "input_ids", "instruction_mask": "attention_mask"}
        return {name: _by_prompt(encoded[key], len(questions)) for name, key in names.items()}


class FaVChatV2Processor(FaVChatPixels):
    """Clips and conversations for `FaVChatV2ForConditionalGeneration`.

    The encoder reads the last question, in the language model's vocabulary.

    Args:
        tokenizer: The language model's.
        video_tokens: Rows of a clip in the prompt: the encoder's queries.
        frames: Frames of a clip.
        face_input: What the facial encoder sees: "frame" or "crop".
        resize: One of `preprocess.RESIZERS`.
        chat_template: The prompt's format; None for the model's own.

    Raises:
        UsageError: As `FaVChatProcessor`.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        video_tokens: int = 16,
        frames: int = FRAMES,
        face_input: str = "frame",
        resize: str = "pil",
        chat_template: str | None = None,
    ) -> None:
        super().__init__(tokenizer)
        self.video_tokens, self.frames, self.face_input, self.resize = video_tokens, frames, face_input, resize
        _check_face_input(face_input, ("frame", "crop"))
        self._adopt(chat_template)

    @classmethod
    def for_config(cls, config: FaVChatV2Config, tokenizer: PreTrainedTokenizerBase) -> "FaVChatV2Processor":
        """The processor of a model.

        Raises:
            UsageError: The tokenizer is not the config's.
        """
        check_ids(tokenizer, {VIDEO_TOKEN: config.video_token_id})
        _, _, query = config.boxes()
        return cls(tokenizer, video_tokens=query.queries, face_input=config.face_input)

    def question_inputs(self, questions: Sequence[Sequence[str]]) -> dict[str, Tensor]:
        """Int64 "question" and "question_mask", (B, L), or (B, C, L), padded on the left."""
        asked = [question for some in questions for question in some]
        encoded = self.tokenizer(
            asked, add_special_tokens=False, padding=True, padding_side="left", return_tensors="pt"
        )
        names = {"question": "input_ids", "question_mask": "attention_mask"}
        return {name: _by_prompt(encoded[key], len(questions)) for name, key in names.items()}


def check_ids(tokenizer: PreTrainedTokenizerBase, wanted: dict[str, int]) -> None:
    """Make sure that a tokenizer and a model's config mean the same by the placeholders.

    Raises:
        UsageError: Their ids differ.
    """
    for token, number in wanted.items():
        found = tokenizer.get_added_vocab().get(token)
        if found != number:
            what = f"{token} is {found} in the tokenizer, but {number} in the config"
            raise UsageError(what, mend="set the config's ids to those that add_placeholders gives")


def _by_prompt(rows: Tensor, prompts: int) -> Tensor:
    """(B * C, L) -> (B, C, L) where prompts are about several clips, C > 1."""
    return rows if len(rows) == prompts else rows.unflatten(0, (prompts, -1))


def _check_face_input(given: str, choices: tuple[str, ...]) -> None:
    if given not in choices:
        raise UsageError(f"no face_input {given!r}", mend=f"choose among {', '.join(choices)}")


AutoProcessor.register(FaVChatConfig, FaVChatProcessor)
AutoProcessor.register(FaVChatV2Config, FaVChatV2Processor)
