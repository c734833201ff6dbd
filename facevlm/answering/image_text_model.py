"""Any image-text model of the Hugging Face Hub as answerer (needs the extra `models`): frames as pictures, in batches.

Weights are read from safetensors alone and no code of a repository is run. Pictures are prepared by the model's own
processor in its PIL form, so nothing here needs torchvision.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from facevlm.answering.shown_frames import RECIPE, shown_frames
from facevlm.errors import FacevlmError, InputError, MissingExtraError, ReplyError, VideoError, WeightsError
from facevlm.evaluation.answers import Footage, Question


class ImageTextModel:
    """Answers by a model that transformers loads with `AutoModelForImageTextToText`; see `Answerer`. Always greedy.

    Args:
        name: Folder, or id on the Hub.
        revision: Of the Hub: a branch, tag or commit.
        frames: Of each clip.
        max_tokens: Longest answer.
        batch: Questions at a time.
        device: Such as "cpu" or "cuda"; None for a GPU where there is one.

    Raises:
        MissingExtraError: torch or transformers is not installed.
        WeightsError: There is no such model, or it cannot be loaded.
    """

    def __init__(
        self,
        name: str,
        *,
        revision: str | None = None,
        frames: int = 16,
        max_tokens: int = 512,
        batch: int = 1,
        device: str | None = None,
    ) -> None:
        try:
            import torch
            from transformers import AutoModelForImageTextToText, AutoProcessor
            from transformers.utils import logging
        except ImportError as error:
            raise MissingExtraError(
                "image-text models need torch and transformers", mend="pip install 'facevlm[models]'"
            ) from error
        self.group, self._name, self._frames, self._max_tokens = batch, name, frames, max_tokens
        self._torch = torch
        self._device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        logging.disable_progress_bar()
        source: dict[str, Any] = {"revision": revision or "main", "trust_remote_code": False}
        source |= {"local_files_only": True} if Path(name).is_dir() else {}
        try:
            self._processor: Any = AutoProcessor.from_pretrained(name, backend="pil", **source)
            model: Any = AutoModelForImageTextToText.from_pretrained(name, dtype="auto", use_safetensors=True, **source)
            self._model = model.to(self._device).eval()
        except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
            what = f"cannot be loaded as an image-text model: {' '.join(str(error).split())[:200]}"
            raise WeightsError(what, where=name, mend="give a folder or an id of the Hub") from error
        if getattr(self._processor, "chat_template", None) is None:
            raise WeightsError("has no chat template", where=name, mend="take a model that was tuned to instructions")
        self._processor.tokenizer.padding_side = "left"
        if self._processor.tokenizer.pad_token is None:
            self._processor.tokenizer.pad_token = self._processor.tokenizer.eos_token
        self._revision = getattr(model.config, "_commit_hash", None) or revision or weights_hash(name)

    @property
    def card(self) -> Mapping[str, Any]:
        """What the answers depend on."""
        return {
            "model": Path(self._name).name if Path(self._name).is_dir() else self._name,
            "revision": self._revision,
            "frames": self._frames,
            "crops": f"{RECIPE}; then {type(self._processor.image_processor).__name__}",
            "max_tokens": self._max_tokens,
            "decoding": "greedy",
            "batch": self.group,
            "dtype": str(self._model.dtype).removeprefix("torch."),
            "device": self._device,
        }

    def answer(self, questions: Sequence[Question]) -> list[str | FacevlmError]:
        """The model's answers; a clip that cannot be read takes nothing from the others of its batch."""
        found: dict[int, str | FacevlmError] = {}
        talks: dict[int, list[dict[str, Any]]] = {}
        for number, question in enumerate(questions):
            try:
                talks[number] = self._conversation(question)
            except (VideoError, InputError) as error:
                found[number] = error
        if talks:
            try:
                texts: Sequence[str | FacevlmError] = self._generate(list(talks.values()))
            except (RuntimeError, ValueError, IndexError) as error:
                reason = ReplyError(f"the model failed: {' '.join(str(error).split())[:200]}", where=self._name)
                texts = [reason] * len(talks)
            found |= dict(zip(talks, texts, strict=True))
        return [found[number] for number in range(len(questions))]

    def _conversation(self, question: Question) -> list[dict[str, Any]]:
        turns = [_turn("system", question.system)] if question.system else []
        for example in question.examples:
            turns += [_turn("user", question.text, self._shown(example.footage)), _turn("assistant", example.answer)]
        return [*turns, _turn("user", question.text, self._shown(*question.footage))]

    def _shown(self, *footage: Footage) -> list[np.ndarray]:
        return [frame for clip in footage for frame in shown_frames(clip, self._frames)]

    def _generate(self, talks: list[list[dict[str, Any]]]) -> list[str | FacevlmError]:
        inputs = self._processor.apply_chat_template(
            talks,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            processor_kwargs={"padding": True},
        ).to(self._device)
        for name, value in inputs.items():
            if self._torch.is_tensor(value) and value.is_floating_point():
                inputs[name] = value.to(self._model.dtype)
        with self._torch.inference_mode():
            ids = self._model.generate(**inputs, max_new_tokens=self._max_tokens, do_sample=False)
        told = ids[:, inputs["input_ids"].shape[1] :]
        texts = self._processor.batch_decode(told, skip_special_tokens=True)
        empty = ReplyError("the answer is empty", where=self._name)
        return [text.strip() if text.strip() else empty for text in texts]


def weights_hash(folder: str) -> str:
    """Twelve digits of the SHA-256 of a folder's config and weights."""
    digest = hashlib.sha256()
    for path in (Path(folder) / "config.json", *sorted(Path(folder).glob("*.safetensors"))):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:12]


def _turn(role: str, text: str, frames: Sequence[np.ndarray] = ()) -> dict[str, Any]:
    pictures = [{"type": "image", "image": Image.fromarray(frame)} for frame in frames]
    return {"role": role, "content": [*pictures, {"type": "text", "text": text}]}
