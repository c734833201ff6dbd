"""What each whole model is made of, and who publishes which part: tables for `facevlm models`.

Licences are those that the publishers stated when this was written; the card of a source that is at hand
overrules them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from transformers import PreTrainedConfig

from facevlm.errors import UsageError
from facevlm.models import reference_weights as tables
from facevlm.models.facetrack_mm import FaceTrackMMConfig, FaceTrackMMForConditionalGeneration
from facevlm.models.favchat import FaVChatConfig, FaVChatForConditionalGeneration
from facevlm.models.favchat_v2 import FaVChatV2Config, FaVChatV2ForConditionalGeneration
from facevlm.models.language_side import FaceLanguageModel
from facevlm.models.presets import FACETRACK_MM, FAVCHAT, FAVCHAT_V2
from facevlm.models.weight_loading import Part


@dataclass(frozen=True)
class ModelPart:
    """One part of a whole model.

    Attributes:
        modules: Attributes of the model that are this part; all get the same public tensors.
        table: Names of the part in public files, for a config of the whole model; None where nobody publishes it.
    """

    modules: tuple[str, ...]
    table: Callable[[Any], Part] | None = None


@dataclass(frozen=True)
class WholeModel:
    """One of the papers' models.

    Attributes:
        config_class, model_class: As in transformers.
        presets: Named configs.
        parts: By name.
    """

    config_class: type[PreTrainedConfig]
    model_class: type[FaceLanguageModel]
    presets: Mapping[str, dict[str, Any]]
    parts: Mapping[str, ModelPart]

    @property
    def full_size(self) -> str:
        """The first preset."""
        return next(iter(self.presets))


_FACEXFORMER = ModelPart(("facexformer",), lambda config: tables.FACEXFORMER)
_LANGUAGE = ModelPart(("language_model",), lambda config: tables.LANGUAGE)
_CLIP = ModelPart(("clip",), lambda config: tables.CLIP)
_STC = ModelPart(("stc",), lambda config: tables.STC)
_UMT = ModelPart(("umt",), lambda config: tables.umt_part((config.umt or {}).get("blocks", 23)))
_QFORMER = ModelPart(
    ("general_qformer", "facial_qformer"),
    lambda config: tables.qformer_part(text=(config.qformer or {}).get("text", True)),
)

MODELS: dict[str, WholeModel] = {
    "favchat": WholeModel(
        FaVChatConfig,
        FaVChatForConditionalGeneration,
        FAVCHAT,
        {
            "umt": _UMT,
            "facexformer": _FACEXFORMER,
            "chain": ModelPart(("chain",)),
            "qformer": _QFORMER,
            "moe": ModelPart(("moe",)),
            "language_model": _LANGUAGE,
        },
    ),
    "favchat-v2": WholeModel(
        FaVChatV2Config,
        FaVChatV2ForConditionalGeneration,
        FAVCHAT_V2,
        {
            "umt": _UMT,
            "facexformer": _FACEXFORMER,
            "projections": ModelPart(("general_proj", "level_proj")),
            "encoder": ModelPart(("encoder",), lambda config: tables.FAVCHAT_V2),
            "language_model": _LANGUAGE,
        },
    ),
    "facetrack-mm": WholeModel(
        FaceTrackMMConfig,
        FaceTrackMMForConditionalGeneration,
        FACETRACK_MM,
        {
            "clip": _CLIP,
            "stc": _STC,
            "facexformer": _FACEXFORMER,
            "face_branch": ModelPart(("face_branch",)),
            "language_model": _LANGUAGE,
        },
    ),
}


@dataclass(frozen=True)
class PublicSource:
    """Who publishes parts.

    Attributes:
        title: For people.
        gives: Names of parts; none for a source of a tokenizer alone.
        licence: As the hub names it.
        hub_id: Repository on the hub; "" where there is none.
        file: The file in that repository, "" for the usual ones of transformers.
        entry: Entries of a `torch.save` file under which the tensors may be.
        lora_alpha: alpha of LoRA keys in it, None where there are none.
        sha256: Of the published file, as far as it is known.
    """

    title: str
    gives: tuple[str, ...]
    licence: str
    hub_id: str = ""
    file: str = ""
    entry: tuple[str, ...] = ("model", "module")
    lora_alpha: int | None = None
    sha256: str = ""


_VIDEOCHAT2_PARTS = ("umt", "qformer", "language_model")
SOURCES: dict[str, PublicSource] = {
    "llm": PublicSource(
        "Mistral-7B-Instruct-v0.2, or another decoder of transformers",
        ("language_model",),
        "apache-2.0",
        "mistralai/Mistral-7B-Instruct-v0.2",
    ),
    "videochat2": PublicSource(
        "VideoChat2-Mistral, stage 3 (LoRA for the language model)",
        _VIDEOCHAT2_PARTS,
        "mit",
        "OpenGVLab/VideoChat2_stage3_Mistral_7B",
        "videochat2_mistral_7b_stage3.pth",
        lora_alpha=32,
    ),
    "videochat2-stage2": PublicSource(
        "VideoChat2-Mistral, stage 2",
        _VIDEOCHAT2_PARTS,
        "mit",
        "OpenGVLab/VideoChat2_stage2_Mistral_7B",
        "videochat2_mistral_7b_stage2.pth",
    ),
    "videochat2-stage1": PublicSource(
        "VideoChat2, stage 1 (no extra queries, no projection)",
        ("umt", "qformer"),
        "mit",
        "OpenGVLab/videochat",
        "umt_l16_qformer.pth",
    ),
    "umt": PublicSource("UMT-L/16 itself, l16_25m.pth (no LayerNorm)", ("umt",), "mit"),
    "facexformer": PublicSource(
        "FaceXFormer",
        ("facexformer",),
        "mit",
        "kartiknarayan/facexformer",
        "ckpts/model.pt",
        entry=("state_dict_backbone",),
        sha256="327a755849ba64d336fb96589ff87b27e84a12be1ecf8bcfaa503d66f803286d",
    ),
    "videollama2": PublicSource(
        "VideoLLaMA2-7B with 16 frames: its Mistral, CLIP and STC",
        ("language_model", "clip", "stc"),
        "apache-2.0",
        "DAMO-NLP-SG/VideoLLaMA2-7B-16F",
    ),
    "mm-projector": PublicSource("mm_projector.bin of VideoLLaMA2's training", ("stc",), "apache-2.0"),
    "clip": PublicSource("CLIP ViT-L/14 at 336 pixels", ("clip",), "mit", "openai/clip-vit-large-patch14-336"),
    "favchat-v2": PublicSource("FaVChat v2's own components", ("encoder",), "unknown"),
    "bert": PublicSource("BERT's tokenizer, for the Q-Former", (), "apache-2.0", "google-bert/bert-base-uncased"),
}


def find_model(name: str) -> WholeModel:
    """A whole model by name.

    Raises:
        UsageError: There is none of that name.
    """
    if name not in MODELS:
        raise UsageError(f"no model {name!r}", mend=f"choose among {', '.join(MODELS)}")
    return MODELS[name]


def find_source(name: str) -> PublicSource:
    """A source by name.

    Raises:
        UsageError: There is none of that name.
    """
    if name not in SOURCES:
        raise UsageError(f"no source {name!r}", where="--from", mend=f"choose among {', '.join(SOURCES)}")
    return SOURCES[name]
