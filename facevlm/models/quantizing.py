"""Keep a model's language model in 4 or 8 bits (needs `bitsandbytes`): what `from_pretrained` is given for it."""

from importlib.util import find_spec
from typing import Any

import torch
from transformers import BitsAndBytesConfig

from facevlm.errors import MissingExtraError, UsageError
from facevlm.models.language_side import FaceLanguageModel

CHOICES = ("4bit", "8bit")


def quantization(model_class: type[FaceLanguageModel], quantize: str | None, *, boxes: bool = False) -> dict[str, Any]:
    """Arguments for `from_pretrained`: `model_class.from_pretrained(folder, **quantization(model_class, "4bit"))`.

    Args:
        model_class: The whole model's class.
        quantize: "4bit" (NF4 with nested scales, as QLoRA), "8bit", or None for nothing.
        boxes: Quantise the boxes before the language model too; they are small, and what they see is fine-grained.

    Raises:
        UsageError: There is no such choice.
        MissingExtraError: bitsandbytes is not installed.
    """
    if quantize is None:
        return {}
    if quantize not in CHOICES:
        raise UsageError(f"no quantisation {quantize!r}", where="quantize", mend=f"choose among {', '.join(CHOICES)}")
    if find_spec("bitsandbytes") is None:
        mend = "run: pip install 'facevlm[quantize]'"
        raise MissingExtraError("4 and 8 bits need the package bitsandbytes, and a GPU that it knows", mend=mend)
    kept = ["lm_head", *([] if boxes else box_names(model_class))]
    four: dict[str, Any] = {
        "load_in_4bit": True,
        "bnb_4bit_quant_type": "nf4",
        "bnb_4bit_use_double_quant": True,
        "bnb_4bit_compute_dtype": torch.bfloat16,
    }
    how = four if quantize == "4bit" else {"load_in_8bit": True}
    return {"quantization_config": BitsAndBytesConfig(**how, llm_int8_skip_modules=kept)}


def box_names(model_class: type[FaceLanguageModel]) -> list[str]:
    """Attributes of a model that are not its language model."""
    with torch.device("meta"):
        model = model_class(model_class.config_class())  # type: ignore[misc]
    return [name for name, _ in model.named_children() if name != "language_model"]
