"""LoRA in public checkpoints, by the names of PEFT: what VideoChat2's stage 3 adds to its language model.

A pair of keys `….q_proj.lora_A.default.weight` (r, in) and `….q_proj.lora_B.default.weight` (out, r) stands for a
change of that layer's weight by alpha / r * B @ A. alpha is not in the file. An assembled model has it merged into its
weights, or keeps it beside them as an adapter of PEFT.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from facevlm.errors import MissingExtraError, WeightsError
from facevlm.models.checkpoint import write_safetensors
from facevlm.models.reference_weights import LANGUAGE

KEY = re.compile(r"(?P<layer>.+)\.lora_(?P<side>[AB])(?:\.(?P<adapter>\w+))?\.weight")


@dataclass(frozen=True)
class Lora:
    """Low-rank changes of a language model's layers.

    Attributes:
        pairs: Name of a layer's weight in the language model -> public names of A and B.
        weights: Public name -> tensor.
        alpha: Of the training; the change is alpha / r * B @ A.
    """

    pairs: Mapping[str, tuple[str, str]]
    weights: Mapping[str, Tensor]
    alpha: int

    def rank(self, name: str) -> int:
        """r of one layer."""
        return len(self.weights[self.pairs[name][0]])

    def merged(self, name: str, weight: Tensor) -> Tensor:
        """A layer's weight with its change, added in float32; as it is where there is none.

        Raises:
            WeightsError: The change has another shape than the weight.
        """
        if name not in self.pairs:
            return weight
        a, b = (self.weights[key].float() for key in self.pairs[name])
        if b.shape[1:] != a.shape[:1] or (len(b), a.shape[1]) != tuple(weight.shape):
            what = f"LoRA of {tuple(a.shape)} and {tuple(b.shape)} does not fit a weight of {tuple(weight.shape)}"
            raise WeightsError(what, where=name, mend="is it of this language model?")
        return weight.float() + self.alpha / len(a) * (b @ a)

    def save_adapter(self, folder: Path, rows: Mapping[str, int], dtype: torch.dtype) -> None:
        """Write it as an adapter for a whole model: `PeftModel.from_pretrained(model, folder)`.

        Args:
            folder: Made.
            rows: Rows of each weight in the model; the language model may have more than the public one.
            dtype: Of the tensors.

        Raises:
            MissingExtraError: PEFT is not installed.
            WeightsError: The layers' ranks differ.
        """
        try:
            from peft import LoraConfig
        except ImportError as error:
            mend = "run: pip install 'facevlm[models]'"
            raise MissingExtraError("keeping LoRA as an adapter needs the package peft", mend=mend) from error
        ranks = {self.rank(name) for name in self.pairs}
        if len(ranks) != 1:
            raise WeightsError(f"LoRA of ranks {sorted(ranks)} is no one adapter", mend="merge it: --lora merge")
        held = {}
        for name, keys in self.pairs.items():
            for side, key in zip("AB", keys, strict=True):
                value = self.weights[key].to(dtype)
                if side == "B" and rows[name] > len(value):
                    value = torch.cat([value, value.new_zeros(rows[name] - len(value), value.shape[1])])
                layer = name.removesuffix(".weight")
                held[f"base_model.model.language_model.{layer}.lora_{side}.weight"] = value.contiguous()
        layers = "|".join(sorted({re.escape(name.split(".")[-2]) for name in self.pairs}))
        config = LoraConfig(
            r=ranks.pop(),
            lora_alpha=self.alpha,
            target_modules=rf"language_model\.(?:.+\.)?(?:{layers})",
        )
        folder.mkdir()
        config.save_pretrained(str(folder))
        write_safetensors(held, folder / "adapter_model.safetensors")


def find_pairs(names: Iterable[str], *, source: object = None) -> dict[str, tuple[str, str]]:
    """The pairs among public names: name of the layer's weight in the language model -> names of A and B.

    Raises:
        WeightsError: One of a pair is missing, a layer has two adapters, or a name is not of a language model.
    """
    found: dict[str, dict[str, str]] = {}
    for name in names:
        if match := KEY.fullmatch(name):
            (layer,) = LANGUAGE.find(f"{match['layer']}.weight") or ("",)
            sides = found.setdefault(layer, {})
            if not layer or match["side"] in sides:
                why = "is of no language model" if not layer else "is a second adapter of its layer"
                raise WeightsError(f"the LoRA key {name} {why}", where=source)
            sides[match["side"]] = name
    if lonely := [name for name, sides in found.items() if len(sides) != 2]:
        raise WeightsError(f"has half of a LoRA pair for {', '.join(lonely[:3])}", where=source)
    return {name: (sides["A"], sides["B"]) for name, sides in found.items()}


def is_lora(name: str) -> bool:
    """Whether a public name is of LoRA."""
    return ".lora_" in name
