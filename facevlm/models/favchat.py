"""FaVChat (arXiv:2503.09158): a clip through general and facial encoder, chain, Q-Formers and adapter to an LLM.

The paper's ablations are variants of the config. Any decoder language model of transformers takes the 96 tokens.
"""

from dataclasses import dataclass
from math import ceil
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForImageTextToText, PreTrainedConfig
from transformers.configuration_utils import SubConfigSpec

from facevlm.errors import InputError, UsageError
from facevlm.models.config import box_config, check_choices
from facevlm.models.facexformer import FaceXFormer, FaceXFormerConfig
from facevlm.models.granularity import GranularityChain, GranularityConfig
from facevlm.models.language_side import (
    IGNORED_LABEL,
    MISTRAL_7B_INSTRUCT,
    MISTRAL_VOCABULARY,
    FaceLanguageModel,
    FaceModelOutput,
)
from facevlm.models.moe_adapter import MoeAdapter, MoeConfig, MoeOutput
from facevlm.models.placeholders import fill_placeholders
from facevlm.models.qformer import QFormerConfig, QFormerProjector
from facevlm.models.umt import Umt, UmtConfig

GENERAL_LEVELS = 4  # blocks of the general encoder that serve as levels where there is no facial one


class FaVChatConfig(PreTrainedConfig):
    """Everything that makes a FaVChat.

    Attributes:
        text_config: The language model's config; Mistral-7B-Instruct-v0.2 with one id more by default.
        umt, facexformer, granularity, qformer, moe: Fields of `UmtConfig`, `FaceXFormerConfig` … that differ from their
            defaults. Widths that follow from other boxes are filled in.
        variant: "full"; "without_fe": the chain reads four blocks of the general encoder; "without_mg": the facial
            encoder's last stage goes straight to its Q-Former; "without_moe": two free scalars weigh the branches.
        fused_level: FaceXFormer's fused map is a fifth level of the chain.
        share_qformer: One Q-Former for both branches.
        face_input: What the processor shows to the facial encoder: whole frames (as the paper) or crops.
        video_token_id: Id of the placeholder of the clip's tokens, which no text has.
    """

    model_type = "favchat"
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
    granularity: dict | None = None
    qformer: dict | None = None
    moe: dict | None = None
    variant: Literal["full", "without_fe", "without_mg", "without_moe"] = "full"
    fused_level: bool = False
    share_qformer: bool = False
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

    def boxes(self) -> "FaVChatBoxes":
        """The boxes' configs, widths filled in; raises as `box_config`."""
        umt = box_config(UmtConfig, self.umt or {})
        face = box_config(FaceXFormerConfig, self.facexformer or {})
        levels = face.tap_widths + ((face.width,) if self.fused_level else ())
        if self.variant == "without_fe":
            levels = (umt.width,) * GENERAL_LEVELS
        chain = box_config(GranularityConfig, self.granularity or {}, tap_widths=levels, general_width=umt.width)
        language: int = self.text_config.hidden_size  # type: ignore[union-attr]
        facial_width = face.tap_widths[-1] if self.variant == "without_mg" else chain.width
        gate = {"gate": "free"} if self.variant == "without_moe" else {}
        return FaVChatBoxes(
            umt=umt,
            facexformer=None if self.variant == "without_fe" else face,
            granularity=None if self.variant == "without_mg" else chain,
            general_qformer=box_config(QFormerConfig, self.qformer or {}, vision_width=umt.width, out_width=language),
            facial_qformer=box_config(QFormerConfig, self.qformer or {}, vision_width=facial_width, out_width=language),
            moe=box_config(MoeConfig, self.moe or {}, width=language, **gate),
        )


@dataclass(frozen=True)
class FaVChatBoxes:
    """Configs of the boxes; None for a box that the variant leaves out."""

    umt: UmtConfig
    facexformer: FaceXFormerConfig | None
    granularity: GranularityConfig | None
    general_qformer: QFormerConfig
    facial_qformer: QFormerConfig
    moe: MoeConfig


class FaVChatForConditionalGeneration(FaceLanguageModel):
    """The whole model: `generate`, `save_pretrained`, `from_pretrained` as with any model of transformers."""

    config: FaVChatConfig

    def __init__(self, config: FaVChatConfig) -> None:
        super().__init__(config)
        boxes = config.boxes()
        if config.share_qformer and boxes.general_qformer != boxes.facial_qformer:
            raise UsageError("branches of different widths cannot share a Q-Former")
        self.umt = Umt(boxes.umt)
        self.facexformer = FaceXFormer(boxes.facexformer) if boxes.facexformer else None
        self.chain = GranularityChain(boxes.granularity) if boxes.granularity else None
        self.general_qformer = QFormerProjector(boxes.general_qformer)
        self.facial_qformer = None if config.share_qformer else QFormerProjector(boxes.facial_qformer)
        self.moe = MoeAdapter(boxes.moe)
        self.language_model = self.build_language_model()
        self.post_init()

    def see(self, video: Tensor, faces: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Both streams of a clip, once for any number of questions.

        Args:
            video: float (B, 3, F, H, W), see `preprocess.umt_pixels`.
            faces: float (B, F, 3, 224, 224), see `preprocess.face_pixels`; None in the variant without facial encoder.

        Returns:
            General states e_g, (B, N, width), and facial states, (B, M, width).

        Raises:
            InputError: The streams differ in frames, or one is missing.
        """
        dtype = self.umt.layernorm.weight.dtype
        if self.facexformer is None and self.chain is not None:
            blocks = self.config.boxes().umt.blocks
            taps = [ceil((k + 1) * blocks / GENERAL_LEVELS) - 1 for k in range(GENERAL_LEVELS)]  # 6, 12, 18, 23 of 23
            seen = self.umt(video.to(dtype), taps=taps)
            rows = video.shape[-2] // self.umt.config.patch_size
            maps = [tap.transpose(1, 2).unflatten(2, (video.shape[2], rows, -1)).transpose(1, 2) for tap in seen.taps]
            return seen.tokens, self.chain(seen.tokens, maps)
        if self.facexformer is None or faces is None or faces.shape[:2] != (video.shape[0], video.shape[2]):
            got = None if faces is None else tuple(faces.shape)
            raise InputError(f"the facial encoder needs a picture for each frame of {tuple(video.shape)}, got {got}")
        general = self.umt(video.to(dtype)).tokens
        features = self.facexformer.encode(faces.flatten(0, 1).to(dtype))
        if self.chain is None:
            last = features.taps[-1].unflatten(0, faces.shape[:2])  # B F C h w
            return general, last.flatten(3).transpose(2, 3).flatten(1, 2)
        fused = [self.facexformer.fuse(features.taps)] if self.config.fused_level else []
        return general, self.chain(general, [tap.unflatten(0, faces.shape[:2]) for tap in (*features.taps, *fused)])

    def project(
        self,
        general_states: Tensor,
        facial_states: Tensor,
        *,
        instruction: Tensor | None = None,
        instruction_mask: Tensor | None = None,
        prompt: Tensor | None = None,
    ) -> MoeOutput:
        """States of `see`, and an instruction (see `QFormerProjector`) -> E, (B, 96, D), and the gate's weights."""
        asked = {"instruction": instruction, "instruction_mask": instruction_mask}
        general = self.general_qformer(general_states, **asked).tokens
        facial = (self.facial_qformer or self.general_qformer)(facial_states, **asked).tokens
        return self.moe(general, facial, prompt=prompt)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        *,
        video: Tensor | None = None,
        faces: Tensor | None = None,
        general_states: Tensor | None = None,
        facial_states: Tensor | None = None,
        instruction: Tensor | None = None,
        instruction_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        **kwargs: Any,
    ) -> FaceModelOutput:
        """Answer.

        Args:
            input_ids: int64 (B, L) with 96 placeholders for each clip of a prompt.
            attention_mask: (B, L), 0 on padding, which may be on either side.
            video, faces: See `see`; or
            general_states, facial_states: what it returned; of C clips in each prompt (B, C, N, width) and (B, C, M,
                width). None of them without a clip, or where it is in the cache already.
            instruction, instruction_mask: See `project`; of C clips in each prompt (B, C, L).
            inputs_embeds: In place of input_ids, without a clip.
            labels: int64 (B, L), -100 where nothing is asked for.

        Raises:
            InputError: Placeholders and tokens differ in number.
        """
        embeddings, weights = self._embedded(input_ids, inputs_embeds), None
        if video is not None:
            general_states, facial_states = self.see(video, faces)
        if general_states is not None and facial_states is not None:
            places = self._places(input_ids, self.config.video_token_id, "video")
            prompt = None
            if self.moe.config.prompt_width:
                prompt = self._prompt(embeddings, places, attention_mask, labels)
            which = general_states.shape[:-2]  # (B,) or (B, C)
            clips = which.numel() // len(places)
            asked = {"instruction": instruction, "instruction_mask": instruction_mask}
            merged = self.project(
                general_states.flatten(0, -3),
                facial_states.flatten(0, -3),
                prompt=None if prompt is None else prompt.repeat_interleave(clips, 0),
                **{name: None if given is None else given.flatten(0, -2) for name, given in asked.items()},
            )
            weights = merged.weights.unflatten(0, which)
            counts = torch.full((len(places),), clips * merged.tokens.shape[1])
            embeddings = fill_placeholders(embeddings, places, merged.tokens.flatten(0, 1), counts, what="video")
        return self._answer(embeddings, attention_mask, labels, gate_weights=weights, **kwargs)

    def _prompt(self, embeddings: Tensor, places: Tensor, mask: Tensor | None, labels: Tensor | None) -> Tensor:
        """Mean embedding of the words before the answer, (B, D); the gate must not see what is to be said."""
        words = ~places
        if mask is not None:
            words = words & mask.bool()
        if labels is not None:
            words = words & (labels == IGNORED_LABEL)
        weights = words.to(embeddings.dtype)[..., None]
        return (embeddings * weights).sum(1) / weights.sum(1).clamp(min=1)


AutoConfig.register(FaVChatConfig.model_type, FaVChatConfig)
AutoModelForImageTextToText.register(FaVChatConfig, FaVChatForConditionalGeneration)
