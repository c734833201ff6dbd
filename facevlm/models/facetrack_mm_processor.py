"""Processor of FaceTrack-MM: a clip for the scene's encoder, tracked crops for the face branch, VideoLLaMA2's prompt.

Prompt: `[INST] {scene rows}\\n{face rows}\\n{question} [/INST]{answer}</s>`; further questions come without the rows.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from transformers import AutoProcessor, PreTrainedTokenizerBase

from facevlm.errors import InputError, UsageError
from facevlm.models.clip_processor import FACE_TOKEN, VIDEO_TOKEN, ClipProcessor
from facevlm.models.facetrack_mm import FaceTrackMMConfig
from facevlm.models.favchat_processor import check_ids
from facevlm.models.frame_indices import videollama2_uniform
from facevlm.models.model_clip import ModelClip
from facevlm.models.preprocess import clip_pixels, face_pixels


class FaceTrackMMProcessor(ClipProcessor):
    """Clips and conversations for `FaceTrackMMForConditionalGeneration`.

    Args:
        tokenizer: The language model's.
        video_tokens: Rows of a scene in the prompt.
        face_tokens: Rows of one face; 0 without face branch.
        frames: Frames of a clip.
        scene_side: Side of the pictures for CLIP, pixels.
        face_encoder: Whose pictures the crops become: "facexformer" or "clip"; "none" without face branch.
        face_choice: "tracked": all people of a clip, each a face; "random": in each frame one of them, as one face.
        people: Of how many people the clips should bring crops: the main character's alone, or of more.
        resize: One of `preprocess.RESIZERS`.
        chat_template: The prompt's format; None for the model's own.

    Raises:
        UsageError: The tokenizer lacks a placeholder or an end token, or a value is none of the choices.
    """

    placeholders = (VIDEO_TOKEN, FACE_TOKEN)
    template = "facetrack_mm"

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        video_tokens: int = 1521,
        face_tokens: int = 16,
        frames: int = 16,
        scene_side: int = 336,
        face_encoder: str = "facexformer",
        face_choice: str = "tracked",
        people: int = 1,
        resize: str = "pil",
        chat_template: str | None = None,
    ) -> None:
        super().__init__(tokenizer)
        self.video_tokens, self.face_tokens, self.frames = video_tokens, face_tokens, frames
        self.scene_side, self.resize = scene_side, resize
        self.face_encoder, self.face_choice, self.people = face_encoder, face_choice, people
        if face_encoder not in ("facexformer", "clip", "none") or face_choice not in ("tracked", "random"):
            raise UsageError(f"no face_encoder {face_encoder!r} with face_choice {face_choice!r}")
        self._adopt(chat_template)

    @classmethod
    def for_config(cls, config: FaceTrackMMConfig, tokenizer: PreTrainedTokenizerBase) -> "FaceTrackMMProcessor":
        """The processor of a model.

        Raises:
            UsageError: The tokenizer is not the config's.
        """
        check_ids(tokenizer, {VIDEO_TOKEN: config.video_token_id, FACE_TOKEN: config.face_token_id})
        return cls(
            tokenizer,
            video_tokens=config.scene_tokens(),
            face_tokens=config.face_tokens(),
            frames=config.frames,
            scene_side=config.boxes().clip.image_size,
            face_encoder=config.face_encoder,
            face_choice=config.face_choice,
        )

    @property
    def faces_shown(self) -> Literal["none", "main", "all"]:
        """The main character's, or everybody's to draw from."""
        if self.face_encoder == "none":
            return "none"
        return "all" if self.face_choice == "random" else "main"

    def shown(self, clips: ModelClip | Sequence[ModelClip], *, seed: int | None = None) -> list[ModelClip]:
        """The clips with exactly the model's number of frames, and the faces that it is shown."""
        chosen = super().shown(clips)
        if self.face_encoder == "none":
            return [ModelClip(clip.frames, clip.times) for clip in chosen]
        if faceless := [k for k, clip in enumerate(chosen) if not clip.faces]:
            mend = "give crops of a face, or of whole frames where there is none"
            raise InputError(f"clip {faceless[0]} has no crops of a face", mend=mend)
        if self.face_choice == "tracked":
            return chosen
        if seed is None:
            raise UsageError("faces are drawn at random", where="seed", mend="give a seed")
        return [with_random_face(clip, np.random.default_rng([seed, k])) for k, clip in enumerate(chosen)]

    def choose_frames(self, count: int) -> list[int]:
        """As VideoLLaMA2: the middles of equal parts; a clip of too few frames repeats them, a still picture itself."""
        return list(range(count)) if count == self.frames else videollama2_uniform(count, self.frames)

    def placeholder_counts(self, clip: ModelClip) -> dict[str, Any]:
        """Rows of the scene, and of all faces together."""
        return {"video_tokens": self.video_tokens, "face_tokens": self.face_tokens * len(clip.faces)}

    def pixels(self, shown: Sequence[ModelClip]) -> dict[str, Tensor]:
        """Pictures for `see`, and which faces are there.

        Returns:
            "video", float32 (B, T, 3, 336, 336); with a face branch "faces", float32 (B, K, T, 3, 224, 224), zeros
            where a clip has fewer than K, and "face_mask", bool (B, K), which are there.
        """
        scenes = [clip_pixels(clip.frames, side=self.scene_side, resize=self._resizer) for clip in shown]
        pictures = {"video": torch.stack([torch.from_numpy(scene) for scene in scenes])}
        if self.face_encoder == "none":
            return pictures
        faces = [torch.stack([self._face(face) for face in clip.faces]) for clip in shown]  # K T 3 H W
        mask = torch.zeros(len(shown), max(len(many) for many in faces), dtype=torch.bool)
        filled = faces[0].new_zeros(*mask.shape, *faces[0].shape[1:])
        for number, many in enumerate(faces):
            filled[number, : len(many)], mask[number, : len(many)] = many, True
        return {**pictures, "faces": filled, "face_mask": mask}

    def _face(self, crops: Sequence[np.ndarray]) -> Tensor:
        """Crops of one person -> (T, 3, H, W)."""
        if self.face_encoder == "clip":
            return torch.from_numpy(clip_pixels(crops, side=self.scene_side, resize=self._resizer))
        return torch.from_numpy(face_pixels(crops, resize=self._resizer))


def with_random_face(clip: ModelClip, generator: np.random.Generator) -> ModelClip:
    """The clip with one face that is in each frame a random one of its people's."""
    drawn = generator.integers(len(clip.faces), size=len(clip.frames))
    return ModelClip(clip.frames, clip.times, [[clip.faces[who][k] for k, who in enumerate(drawn)]])


AutoProcessor.register(FaceTrackMMConfig, FaceTrackMMProcessor)
