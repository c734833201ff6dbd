"""Any image-text model of the Hugging Face Hub as answerer (needs the extra `models`), in batches.

Weights are read from safetensors alone and no code of a repository is run. Frames are pictures, prepared by the model's
own processor in its PIL form, which needs no torchvision; or, where torchvision is installed, a video with its times.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from facevlm.answering.shown_frames import RECIPE, timed_frames
from facevlm.errors import FacevlmError, InputError, MissingExtraError, ReplyError, VideoError, WeightsError
from facevlm.evaluation.answers import Footage, Question

MODEL_FILES = frozenset({".json", ".jinja", ".model", ".safetensors", ".txt"})


class ImageTextModel:
    """Answers by a model that transformers loads with `AutoModelForImageTextToText`; see `Answerer`. Always greedy.

    Args:
        name: Folder, or id on the Hub.
        revision: Of the Hub: a branch, tag or commit.
        frames: Of each clip.
        max_tokens: Longest answer.
        batch: Questions at a time.
        device: Such as "cpu" or "cuda"; None for a GPU where there is one.
        as_video: Whether the frames of a clip are a video, prepared by the model's processor for videos.

    Raises:
        MissingExtraError: torch or transformers is not installed; for videos torchvision too.
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
        as_video: bool = False,
    ) -> None:
        try:
            import torch
            from transformers import AutoModelForImageTextToText
            from transformers.utils import logging
        except ImportError as error:
            raise MissingExtraError(
                "image-text models need torch and transformers", mend="pip install 'facevlm[models]'"
            ) from error
        self.group, self._name, self._frames, self._max_tokens = batch, name, frames, max_tokens
        self._torch, self._as_video = torch, as_video
        self._device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        logging.disable_progress_bar()
        source: dict[str, Any] = {"revision": revision or "main", "trust_remote_code": False}
        source |= {"local_files_only": True} if Path(name).is_dir() else {}
        try:
            self._processor = _video_processor(name, source) if as_video else _picture_processor(name, source)
            model: Any = AutoModelForImageTextToText.from_pretrained(name, dtype="auto", use_safetensors=True, **source)
            self._model = model.to(self._device).eval()
        except (OSError, ValueError, TypeError, AttributeError, KeyError, ImportError, RuntimeError) as error:
            what = f"cannot be loaded as an image-text model: {' '.join(str(error).split())[:200]}"
            raise WeightsError(what, where=name, mend="give a folder or an id of the Hub") from error
        if getattr(self._processor, "chat_template", None) is None:
            raise WeightsError("has no chat template", where=name, mend="take a model that was tuned to instructions")
        self._processor.tokenizer.padding_side = "left"
        if self._processor.tokenizer.pad_token is None:
            self._processor.tokenizer.pad_token = self._processor.tokenizer.eos_token
        self._revision = getattr(model.config, "_commit_hash", None) or revision or folder_hash(name)

    @property
    def card(self) -> Mapping[str, Any]:
        """What the answers depend on."""
        return {
            "model": Path(self._name).name if Path(self._name).is_dir() else self._name,
            "revision": self._revision,
            "frames": self._frames,
            "crops": f"{RECIPE}; then {type(self._part).__name__}",
            "max_tokens": self._max_tokens,
            "decoding": "greedy",
            "batch": self.group,
            "dtype": str(self._model.dtype).removeprefix("torch."),
            "device": self._device,
            **({"frames shown as": "a video, with their times"} if self._as_video else {}),
        }

    @property
    def _part(self) -> Any:
        """The part of the processor that prepares frames."""
        return self._processor.video_processor if self._as_video else self._processor.image_processor

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

    def _shown(self, *footage: Footage) -> list[dict[str, Any]]:
        """The parts of a message that show clips."""
        clips = [list(timed_frames(clip, self._frames)) for clip in footage]
        if self._as_video:
            return [
                {"type": "video", "video": np.stack([f for _, f in clip]), "times": [t for t, _ in clip]}
                for clip in clips
            ]
        return [{"type": "image", "image": Image.fromarray(frame)} for clip in clips for _, frame in clip]

    def _generate(self, talks: list[list[dict[str, Any]]]) -> list[str | FacevlmError]:
        videos = [
            [_metadata(part["times"]) for turn in talk for part in turn["content"] if "times" in part] for talk in talks
        ]
        of_videos = {"do_sample_frames": False, "video_metadata": videos} if any(videos) else {}
        inputs = self._processor.apply_chat_template(
            talks,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            processor_kwargs={"padding": True, **of_videos},
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


def _picture_processor(name: str, source: Mapping[str, Any]) -> Any:
    """The processor of a model for words and pictures: its last part is left out where that is for videos.

    Parts for videos need torchvision; of the few processors that have them elsewhere, so does the whole.
    """
    from transformers import AutoConfig, AutoProcessor
    from transformers.models.auto.processing_auto import PROCESSOR_MAPPING

    config: Any = AutoConfig.from_pretrained(name, **source)
    kind: Any = PROCESSOR_MAPPING.get(type(config), AutoProcessor)
    parts = kind.get_attributes() if kind is not AutoProcessor else []
    pictures = [part for part in parts if "video" not in part]
    if pictures != parts[: len(pictures)]:
        return AutoProcessor.from_pretrained(name, **source)
    if pictures != parts:
        kind = type(kind.__name__, (kind,), {"get_attributes": classmethod(lambda cls: pictures)})
    return kind.from_pretrained(name, backend="pil", **source)


def _video_processor(name: str, source: Mapping[str, Any]) -> Any:
    """The whole processor of a model."""
    from transformers import AutoProcessor
    from transformers.utils import is_torchvision_available

    if not is_torchvision_available():
        raise MissingExtraError(
            "processors for videos need torchvision",
            mend=f"pip install torchvision, or give hf:{name}: frames as pictures",
        )
    processor: Any = AutoProcessor.from_pretrained(name, **source)
    if getattr(processor, "video_processor", None) is None:
        raise WeightsError("has no processor for videos", where=name, mend=f"give hf:{name}: frames as pictures")
    return processor


def folder_hash(folder: str) -> str:
    """Twelve digits of the SHA-256 of a model folder's files: weights, configs, tokenizer, chat template."""
    digest = hashlib.sha256()
    for path in sorted(path for path in Path(folder).iterdir() if path.suffix in MODEL_FILES):
        digest.update(path.name.encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:12]


def _turn(role: str, text: str, shown: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    return {"role": role, "content": [*shown, {"type": "text", "text": text}]}


def _metadata(times: Sequence[float]) -> dict[str, Any]:
    """What transformers takes to know the times of frames: numbers of milliseconds, a thousand frames a second."""
    milliseconds = [round(1000 * time) for time in times]
    return {"fps": 1000.0, "frames_indices": milliseconds, "total_num_frames": milliseconds[-1] + 1}
