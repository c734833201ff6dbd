"""FaceTrack-MM (arXiv:2501.07978): a clip through CLIP and STC, its main face through FaceXFormer, both to an LLM.

The paper's five steps are configs: without face branch (baseline, tuned baseline), with faces through CLIP (random or
tracked ones), with tracked faces through FaceXFormer. Which faces are shown is the processor's choice.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForImageTextToText, PreTrainedConfig
from transformers.configuration_utils import SubConfigSpec

from facevlm.errors import InputError
from facevlm.models.clip_tower import ClipConfig, ClipTower
from facevlm.models.config import box_config, check_choices
from facevlm.models.face_branch import FaceBranch, FaceBranchConfig
from facevlm.models.facexformer import FaceXFormer, FaceXFormerConfig
from facevlm.models.language_side import (
    MISTRAL_7B_INSTRUCT,
    MISTRAL_VOCABULARY,
    FaceLanguageModel,
    FaceModelOutput,
)
from facevlm.models.placeholders import fill_placeholders
from facevlm.models.stc import Stc, StcConfig


class FaceTrackMMConfig(PreTrainedConfig):
    """Everything that makes a FaceTrack-MM.

    Attributes:
        text_config: The language model's config; VideoLLaMA2-7B's Mistral with two ids more by default.
        clip, stc, facexformer, face_branch: Fields of `ClipConfig`, `StcConfig` … that differ from their defaults.
            Widths that follow from other boxes are filled in.
        face_encoder: "facexformer"; "clip": crops through the image tower; "none": no face branch.
        face_choice: Whose faces the processor shows: "tracked", the main character's; or "random".
        frames: Frames T of a clip.
        video_token_id, face_token_id: Ids of the placeholders of scene and face tokens, which no text has.
    """

    model_type = "facetrack_mm"
    sub_configs_defaults: ClassVar[dict[str, SubConfigSpec]] = {
        "text_config": SubConfigSpec(
            config_class=AutoConfig,
            model_type="mistral",
            init_kwargs={**MISTRAL_7B_INSTRUCT, "vocab_size": MISTRAL_VOCABULARY + 2},
        )
    }

    text_config: dict | PreTrainedConfig | None = None
    clip: dict | None = None
    stc: dict | None = None
    facexformer: dict | None = None
    face_branch: dict | None = None
    face_encoder: Literal["facexformer", "clip", "none"] = "facexformer"
    face_choice: Literal["tracked", "random"] = "tracked"
    frames: int = 16
    video_token_id: int = MISTRAL_VOCABULARY
    face_token_id: int = MISTRAL_VOCABULARY + 1
    tie_word_embeddings: bool = False

    def __post_init__(self, **kwargs: Any) -> None:
        super().__post_init__(**kwargs)
        check_choices(self)
        self.tie_word_embeddings = bool(getattr(self.text_config, "tie_word_embeddings", False))

    @property
    def placeholder_ids(self) -> list[int]:
        """Ids that no text has."""
        return [self.video_token_id, self.face_token_id]

    def boxes(self) -> "FaceTrackMMBoxes":
        """The boxes' configs, widths filled in; raises as `box_config`."""
        clip = box_config(ClipConfig, self.clip or {})
        face = box_config(FaceXFormerConfig, self.facexformer or {}) if self.face_encoder == "facexformer" else None
        language: int = self.text_config.hidden_size  # type: ignore[union-attr]
        branch = None
        if self.face_encoder != "none":
            given = dict(self.face_branch or {})
            if face is None:
                given["feature"] = "clip"
            fused = given.get("feature") == "fused"
            width = clip.width if face is None else face.width if fused else face.tap_widths[-1]
            branch = box_config(FaceBranchConfig, given, feature_width=width, out_width=language)
        return FaceTrackMMBoxes(
            clip=clip,
            stc=box_config(StcConfig, self.stc or {}, vision_width=clip.width, width=language),
            facexformer=face,
            face_branch=branch,
        )

    def scene_tokens(self) -> int:
        """Tokens of a clip's scene: 1521 at full size."""
        boxes = self.boxes()
        slots, rows, columns = boxes.stc.grid(self.frames, boxes.clip.image_size // boxes.clip.patch_size)
        return slots * rows * columns

    def face_tokens(self) -> int:
        """Tokens of one face of a clip: 16 at full size, 0 without face branch."""
        branch = self.boxes().face_branch
        return self.frames * branch.tokens_per_frame if branch else 0


@dataclass(frozen=True)
class FaceTrackMMBoxes:
    """Configs of the boxes; None for a box that is left out."""

    clip: ClipConfig
    stc: StcConfig
    facexformer: FaceXFormerConfig | None
    face_branch: FaceBranchConfig | None


class FaceTrackMMForConditionalGeneration(FaceLanguageModel):
    """The whole model: `generate`, `save_pretrained`, `from_pretrained` as with any model of transformers."""

    config: FaceTrackMMConfig

    def __init__(self, config: FaceTrackMMConfig) -> None:
        super().__init__(config)
        boxes = config.boxes()
        self.clip = ClipTower(boxes.clip)
        self.stc = Stc(boxes.stc)
        self.facexformer = FaceXFormer(boxes.facexformer) if boxes.facexformer else None
        self.face_branch = FaceBranch(boxes.face_branch) if boxes.face_branch else None
        self.language_model = self.build_language_model()
        self.post_init()

    def see(self, video: Tensor, faces: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Both streams of a clip, once for any number of questions.

        Args:
            video: float (B, T, 3, 336, 336), see `preprocess.clip_pixels`.
            faces: float (B, K, T, 3, 224, 224), see `preprocess.face_pixels`: K tracked faces; for faces through CLIP
                pictures of its size. None without face branch.

        Returns:
            Scene tokens (B, 1521, D), and face tokens (B, K * n, D) with n tokens a face, or None.

        Raises:
            InputError: Faces are missing or not wanted, or shapes do not fit.
        """
        dtype = self.clip.vision_model.dtype
        if (faces is None) != (self.face_branch is None):
            raise InputError("this model has a face branch, but got no faces" if faces is None else "no face branch")
        scene = self.stc(self.clip(video.to(dtype))).tokens
        if faces is None or self.face_branch is None:
            return scene, None
        return scene, self.face_branch(self._face_features(faces.to(dtype)))

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        *,
        video: Tensor | None = None,
        faces: Tensor | None = None,
        face_mask: Tensor | None = None,
        scene_states: Tensor | None = None,
        face_states: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        **kwargs: Any,
    ) -> FaceModelOutput:
        """Answer.

        Args:
            input_ids: int64 (B, L) with placeholders for the scene's and, after them, each face's tokens.
            attention_mask: (B, L), 0 on padding, which may be on either side.
            video, faces: See `see`; or
            scene_states, face_states: what it returned, of several clips in each prompt one after the other, along the
                tokens. None of them without a clip, or where it is in the cache already.
            face_mask: bool (B, K), false for faces that only fill up a batch of clips with unequal numbers of faces.
            inputs_embeds: In place of input_ids, without a clip.
            labels: int64 (B, L), -100 where nothing is asked for.

        Raises:
            InputError: Placeholders and tokens differ in number.
        """
        embeddings = self._embedded(input_ids, inputs_embeds)
        if video is not None:
            scene_states, face_states = self.see(video, faces)
        if scene_states is not None:
            places = self._places(input_ids, self.config.video_token_id, "scene")
            counts = torch.full((len(places),), scene_states.shape[1])
            embeddings = fill_placeholders(embeddings, places, scene_states.flatten(0, 1), counts, what="scene")
        if face_states is not None:
            places = self._places(input_ids, self.config.face_token_id, "face")
            tokens = self.config.face_tokens()
            by_face = face_states.unflatten(1, (-1, tokens))  # B K n D
            there = torch.ones(by_face.shape[:2], dtype=torch.bool) if face_mask is None else face_mask.bool()
            shown = by_face[there.to(by_face.device)].flatten(0, 1)
            embeddings = fill_placeholders(embeddings, places, shown, there.sum(1) * tokens, what="face")
        return self._answer(embeddings, attention_mask, labels, **kwargs)

    def _face_features(self, faces: Tensor) -> Tensor:
        """(B, K, T, 3, H, W) -> maps (B, K, T, C, h, w)."""
        if self.facexformer is None:
            patches = self.clip(faces)  # B K T P C
            side = round(patches.shape[-2] ** 0.5)
            return patches.transpose(-1, -2).unflatten(-1, (side, side))
        features = self.facexformer.encode(faces.flatten(0, 2))
        fused = self.config.boxes().face_branch.feature == "fused"  # type: ignore[union-attr]
        maps = self.facexformer.fuse(features.taps) if fused else features.last
        return maps.unflatten(0, faces.shape[:3])


AutoConfig.register(FaceTrackMMConfig.model_type, FaceTrackMMConfig)
AutoModelForImageTextToText.register(FaceTrackMMConfig, FaceTrackMMForConditionalGeneration)
