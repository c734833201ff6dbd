"""FaVChat v2: FaVChat with the prompt-query guided encoder in place of chain, Q-Formers and adapter.

In the released code the encoder reads hidden states of the language model, and its tokens reach only the value head.
Here its text is the language model's embeddings of the question, its general tokens are those of UMT, its
levels the four stage taps of FaceXFormer, all projected to the language model's width; and its fused tokens take the
place of the clip in the prompt.
"""

from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoConfig, AutoModelForImageTextToText, PreTrainedConfig
from transformers.configuration_utils import SubConfigSpec

from facevlm.errors import InputError
from facevlm.models.config import box_config, check_choices
from facevlm.models.facexformer import FaceXFormer, FaceXFormerConfig
from facevlm.models.granularity import time_embedding
from facevlm.models.language_side import (
    MISTRAL_7B_INSTRUCT,
    MISTRAL_VOCABULARY,
    FaceLanguageModel,
    FaceModelOutput,
)
from facevlm.models.placeholders import fill_placeholders
from facevlm.models.prompt_query import PromptQueryConfig, PromptQueryEncoder, PromptQueryOutput
from facevlm.models.umt import Umt, UmtConfig


class FaVChatV2Config(PreTrainedConfig):
    """Everything that makes a FaVChat v2.

    Attributes:
        text_config: The language model's config; Mistral-7B-Instruct-v0.2 with one id more by default.
        umt, facexformer, prompt_query: Fields of `UmtConfig`, `FaceXFormerConfig`, `PromptQueryConfig` that differ from
            their defaults. Widths that follow from other boxes are filled in.
        max_side: Larger tap maps are averaged to this side.
        face_input: What the processor shows to the facial encoder: whole frames or crops.
        video_token_id: Id of the placeholder of the clip's tokens, which no text has.
    """

    model_type = "favchat_v2"
    sub_configs_defaults: ClassVar[dict[str, SubConfigSpec]] = {
        "text_config": SubConfigSpec(
            config_class=AutoConfig,
            model_type="mistral",
            init_kwargs={**MISTRAL_7B_INSTRUCT, "vocab_size": MISTRAL_VOCABULARY + 1},
        )
    }

    text_config: dict | PreTrainedConfig | None = None
    umt: dict | None = None
    facexformer: dict | None = None
    prompt_query: dict | None = None
    max_side: int = 14
    face_input: Literal["frame", "crop"] = "frame"
    video_token_id: int = MISTRAL_VOCABULARY
    tie_word_embeddings: bool = False

    def __post_init__(self, **kwargs: Any) -> None:
        super().__post_init__(**kwargs)
        check_choices(self)
        self.tie_word_embeddings = bool(getattr(self.text_config, "tie_word_embeddings", False))

    @property
    def placeholder_ids(self) -> list[int]:
        """Ids that no text has."""
        return [self.video_token_id]

    def boxes(self) -> tuple[UmtConfig, FaceXFormerConfig, PromptQueryConfig]:
        """The boxes' configs, widths filled in; raises as `box_config`."""
        face = box_config(FaceXFormerConfig, self.facexformer or {})
        language: int = self.text_config.hidden_size  # type: ignore[union-attr]
        levels = len(face.tap_widths)
        query = box_config(PromptQueryConfig, self.prompt_query or {}, width=language, levels=levels)
        return box_config(UmtConfig, self.umt or {}), face, query


class FaVChatV2ForConditionalGeneration(FaceLanguageModel):
    """The whole model: `generate`, `save_pretrained`, `from_pretrained` as with any model of transformers."""

    config: FaVChatV2Config

    def __init__(self, config: FaVChatV2Config) -> None:
        super().__init__(config)
        umt, face, query = config.boxes()
        self.umt = Umt(umt)
        self.facexformer = FaceXFormer(face)
        self.general_proj = nn.Linear(umt.width, query.width)
        self.level_proj = nn.ModuleList([nn.Linear(width, query.width) for width in face.tap_widths])
        self.encoder = PromptQueryEncoder(query)
        self.language_model = self.build_language_model()
        self.post_init()

    def see(self, video: Tensor, faces: Tensor) -> tuple[Tensor, Tensor]:
        """Both streams of a clip, once for any number of questions.

        Args:
            video: float (B, 3, F, H, W), see `preprocess.umt_pixels`.
            faces: float (B, F, 3, 224, 224), see `preprocess.face_pixels`.

        Returns:
            General states (B, N, D), and the levels' states one after the other, (B, M, D), in the language model's
            width.

        Raises:
            InputError: The streams differ in frames.
        """
        if faces is None or faces.shape[:2] != (video.shape[0], video.shape[2]):
            got = None if faces is None else tuple(faces.shape)
            raise InputError(f"the facial encoder needs a picture for each frame of {tuple(video.shape)}, got {got}")
        dtype = self.general_proj.weight.dtype
        general = self.general_proj(self.umt(video.to(dtype)).tokens)
        taps = self.facexformer.encode(faces.flatten(0, 1).to(dtype)).taps
        levels = [self._level(project, tap, faces.shape[1]) for project, tap in zip(self.level_proj, taps, strict=True)]
        return general, torch.cat(levels, dim=1)

    def project(
        self, general_states: Tensor, facial_states: Tensor, *, question: Tensor, question_mask: Tensor | None = None
    ) -> PromptQueryOutput:
        """States of `see`, and ids of the question in the language model's vocabulary, (B, L) -> fused tokens."""
        sides = [min(side, self.config.max_side) for side in self._sides()]
        frames = facial_states.shape[1] // sum(side**2 for side in sides)
        levels = facial_states.split([frames * side**2 for side in sides], dim=1)
        text = self.get_input_embeddings()(question)
        return self.encoder(text, general_states, levels, text_mask=question_mask)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        *,
        video: Tensor | None = None,
        faces: Tensor | None = None,
        general_states: Tensor | None = None,
        facial_states: Tensor | None = None,
        question: Tensor | None = None,
        question_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        **kwargs: Any,
    ) -> FaceModelOutput:
        """Answer.

        Args:
            input_ids: int64 (B, L) with as many placeholders for each clip as the encoder has queries.
            attention_mask: (B, L), 0 on padding, which may be on either side.
            video, faces: See `see`; or
            general_states, facial_states: what it returned; of C clips in each prompt (B, C, N, D) and (B, C, M, D).
                None of them without a clip, or where it is in the cache already.
            question: int64 (B, L) ids of the question alone; of C clips in each prompt (B, C, L).
            question_mask: As `question`, 0 on its padding.
            inputs_embeds: In place of input_ids, without a clip.
            labels: int64 (B, L), -100 where nothing is asked for.

        Raises:
            InputError: Placeholders and tokens differ in number, or the question is missing.
        """
        embeddings, weights = self._embedded(input_ids, inputs_embeds), None
        if video is not None:
            general_states, facial_states = self.see(video, faces)  # type: ignore[arg-type]
        if general_states is not None and facial_states is not None:
            if question is None:
                raise InputError("the encoder reads the clip for a question, which is missing", where="question")
            places = self._places(input_ids, self.config.video_token_id, "video")
            which = general_states.shape[:-2]  # (B,) or (B, C)
            seen = self.project(
                general_states.flatten(0, -3),
                facial_states.flatten(0, -3),
                question=question.flatten(0, -2),
                question_mask=None if question_mask is None else question_mask.flatten(0, -2),
            )
            weights = torch.cat([seen.general_weight, seen.facial_weight], dim=-1).unflatten(0, which)
            counts = torch.full((len(places),), which.numel() // len(places) * seen.fused_tokens.shape[1])
            embeddings = fill_placeholders(embeddings, places, seen.fused_tokens.flatten(0, 1), counts, what="video")
        return self._answer(embeddings, attention_mask, labels, gate_weights=weights, **kwargs)

    def _sides(self) -> list[int]:
        """Side of each tap's map."""
        face = self.facexformer.config
        return [face.image_size // face.patch_size // 2**stage for stage in range(len(face.tap_widths))]

    def _level(self, project: nn.Module, tap: Tensor, frames: int) -> Tensor:
        """(B * F, C, h, w) -> (B, F * P, D), averaged, projected and told when it is."""
        side = min(tap.shape[-1], self.config.max_side)
        maps = F.adaptive_avg_pool2d(tap, side) if side != tap.shape[-1] else tap
        tokens = project(maps.flatten(2).transpose(1, 2)).unflatten(0, (-1, frames))  # B F P D
        when = time_embedding(torch.arange(frames, device=tap.device), tokens.shape[-1])
        return (tokens + when.to(tokens)[:, None]).flatten(1, 2)


AutoConfig.register(FaVChatV2Config.model_type, FaVChatV2Config)
AutoModelForImageTextToText.register(FaVChatV2Config, FaVChatV2ForConditionalGeneration)
