"""How much memory a whole model needs, to answer and to be trained, without building it: all on the meta device.

Weights, caches, gradients and optimizer states are counted from the config. Activations are the peak of what lives
while one step runs on tensors without content; there, attention keeps its matrix, which flash attention on a GPU does
not. Copies that autocast and the optimizer make for a moment, and a GPU's own libraries (about 1 GB), are not in it.
"""

import weakref
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from facevlm.errors import MissingExtraError
from facevlm.models.assembling import own_tensors
from facevlm.models.facetrack_mm import FaceTrackMMForConditionalGeneration
from facevlm.models.favchat import FaVChatForConditionalGeneration
from facevlm.models.language_side import FaceLanguageModel
from facevlm.models.model_parts import find_model

HALF, FULL = 2, 4  # bytes of bfloat16, float32
ADAM = 2 * FULL  # two moments
NF4 = 0.5 + 1 / 64 + FULL / (64 * 256)  # bytes a weight: 4 bits, a scale of 1 byte for 64, one of those for 256
LINEAR_IN_LORA = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
Quantize = Literal["none", "4bit", "8bit"]


@dataclass(frozen=True)
class Step:
    """What a model is to do at once.

    Attributes:
        name: For people.
        batch: Clips.
        frames: Of each.
        words: Tokens of text around a clip's, answer included.
        trains: Parts that learn, besides LoRA.
        lora_rank: r of LoRA on the language model's linear layers, 0 for none.
    """

    name: str
    batch: int = 1
    frames: int = 8
    words: int = 512
    trains: tuple[str, ...] = ()
    lora_rank: int = 0

    @property
    def learns(self) -> bool:
        """Whether anything does."""
        return bool(self.trains or self.lora_rank)


_VISION = ("umt", "facexformer", "chain", "qformer", "moe")
STEPS: dict[str, tuple[Step, ...]] = {  # batch sizes and LoRA of the papers; FaceTrack-MM's 32 are on 8 GPUs
    "favchat": (
        Step("answer, 8 frames"),
        Step("answer, 16 frames", frames=16),
        Step("stage 1, batch 8", 8, trains=_VISION),
        Step("stage 2, batch 4", 4, trains=_VISION, lora_rank=16),
        Step("stage 3, batch 4", 4, trains=("moe",), lora_rank=16),
    ),
    "favchat-v2": (Step("answer, 8 frames"), Step("answer, 16 frames", frames=16)),
    "facetrack-mm": (
        Step("answer, 8 frames"),
        Step("answer, 16 frames", frames=16),
        Step("tuning, batch 4", 4, 16, trains=("stc", "face_branch"), lora_rank=64),
    ),
}


@dataclass(frozen=True)
class MemoryPlan:
    """Bytes that a step needs.

    Attributes:
        step: The step.
        quantize: Of the language model.
        weights: Part -> its weights; what learns is in float32, all else in bfloat16.
        lora: Adapters of the language model, in float32.
        gradients: Of all that learns.
        optimizer: AdamW's moments.
        kv_cache: Of the prompt and the answer.
        activations: Peak of all that lives during the step besides these.
        trainable: Number of parameters that learn.
    """

    step: Step
    quantize: str
    weights: Mapping[str, int]
    lora: int
    gradients: int
    optimizer: int
    kv_cache: int
    activations: int
    trainable: int

    @property
    def total(self) -> int:
        """Of all."""
        rest = self.lora + self.gradients + self.optimizer + self.kv_cache + self.activations
        return sum(self.weights.values()) + rest


def memory_plan(name: str, config: Any, step: Step, *, quantize: Quantize = "none") -> MemoryPlan:
    """Plan one step of a model.

    Args:
        name: Key of `MODELS`.
        config: Of that model.
        step: What it does; training has gradient checkpointing on.
        quantize: How the language model's linear layers are kept.

    Raises:
        MissingExtraError: LoRA is planned, and PEFT is not installed.
    """
    whole = find_model(name)
    with torch.device("meta"):
        model = whole.model_class(config).to(torch.bfloat16)  # type: ignore[arg-type]
    parts = {
        part: row.modules for part, row in whole.parts.items() if any(getattr(model, m, None) for m in row.modules)
    }
    learning = {module for part in step.trains for module in parts.get(part, ())}
    weights = {part: sum(_weight_bytes(model, m, m in learning, quantize) for m in parts[part]) for part in parts}
    trained = sum(t.numel() for n, t in own_tensors(model).items() if n.split(".")[0] in learning and _learns(t))
    lora = lora_parameters(model.language_model, step.lora_rank)
    tokens = step.batch * (clip_tokens(model, step.frames) + step.words)
    return MemoryPlan(
        step=step,
        quantize=quantize,
        weights=weights,
        lora=FULL * lora,
        gradients=FULL * (trained + lora),
        optimizer=ADAM * (trained + lora),
        kv_cache=0 if step.learns else tokens * kv_bytes(config.text_config),
        activations=_activations(model, step, learning),
        trainable=trained + lora,
    )


def kv_bytes(text_config: Any) -> int:
    """Bytes of keys and values that one token leaves in the cache, in bfloat16."""
    heads = text_config.num_attention_heads
    width = getattr(text_config, "head_dim", None) or text_config.hidden_size // heads
    return 2 * text_config.num_hidden_layers * (text_config.num_key_value_heads or heads) * width * HALF


def lora_parameters(language_model: nn.Module, rank: int) -> int:
    """Parameters of LoRA of rank r on the layers `LINEAR_IN_LORA`: r * (in + out) each."""
    layers = [m for name, m in language_model.named_modules() if name.split(".")[-1] in LINEAR_IN_LORA]
    return sum(rank * (m.in_features + m.out_features) for m in layers if isinstance(m, nn.Linear))


def clip_tokens(model: FaceLanguageModel, frames: int) -> int:
    """Tokens of one clip with one face in the prompt."""
    with torch.no_grad():
        return see(model, 1, frames).shape[1]


def see(model: FaceLanguageModel, batch: int, frames: int, *, words: int = 32) -> Tensor:
    """The clip's tokens of a model, (B, N, D), for pictures without content on its device."""
    here: dict[str, Any] = {"device": model.device, "dtype": model.dtype}
    side = model.config.boxes().clip.image_size if isinstance(model, FaceTrackMMForConditionalGeneration) else 224
    if isinstance(model, FaceTrackMMForConditionalGeneration):
        encoder = model.config.face_encoder
        face = side if encoder == "clip" else 224
        faces = None if encoder == "none" else torch.empty(batch, 1, frames, 3, face, face, **here)
        scene, shown = model.see(torch.empty(batch, frames, 3, side, side, **here), faces)
        return scene if shown is None else torch.cat([scene, shown], dim=1)
    video = torch.empty(batch, 3, frames, side, side, **here)
    faces = torch.empty(batch, frames, 3, side, side, **here)
    if isinstance(model, FaVChatForConditionalGeneration):
        states = model.see(video, faces if model.facexformer is not None else None)
        return model.project(*states).tokens  # of an instruction the meta device cannot tell whether it is padded
    asked = torch.zeros(batch, words, dtype=torch.int64, device=model.device)
    return model.project(*model.see(video, faces), question=asked).fused_tokens  # type: ignore[operator]


class LivePeak(TorchDispatchMode):
    """Counts the bytes of tensors made inside it that are alive at once.

    Attributes:
        live: Bytes now.
        peak: Most bytes so far.
    """

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), kwargs: Any = None) -> Any:
        """Run one operation and count what it made."""
        before = {t.untyped_storage()._cdata for t in _tensors((arguments, kwargs))}
        made = function(*arguments, **(kwargs or {}))
        for tensor in _tensors(made):
            storage = tensor.untyped_storage()
            key, size = storage._cdata, storage.nbytes()
            if key in before or key in self._known:
                continue
            self._known.add(key)
            self.live += size
            weakref.finalize(storage, self._gone, key, size)
        self.peak = max(self.peak, self.live)
        return made

    def _gone(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.live -= size


def _tensors(values: Any) -> Iterable[Tensor]:
    return (leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor))


def _learns(tensor: Tensor) -> bool:
    return isinstance(tensor, nn.Parameter)


def _weight_bytes(model: FaceLanguageModel, module: str, learns: bool, quantize: Quantize) -> int:
    if getattr(model, module, None) is None:
        return 0
    linear: set[str] = set()
    if module == "language_model" and quantize != "none":
        layers = [(n, m) for n, m in model.language_model.named_modules() if isinstance(m, nn.Linear)]
        linear = {f"language_model.{name}.weight" for name, _ in layers if name != "lm_head"}
    total = 0.0
    for name, tensor in own_tensors(model).items():
        if name.split(".")[0] != module:
            continue
        if name not in linear:
            total += tensor.numel() * (FULL if learns else HALF)
        elif quantize == "4bit":
            total += NF4 * tensor.numel()
        else:
            total += tensor.numel() + FULL * len(tensor)  # a scale for each row
    return round(total)


def _activations(model: FaceLanguageModel, step: Step, learning: set[str]) -> int:
    """Peak of one step on the meta device, without gradients that stay."""
    model.requires_grad_(False)
    if step.lora_rank:
        model = _with_lora(model, step.lora_rank)
    for module in learning:
        getattr(model, module).requires_grad_(True)
    model.train(step.learns)
    if step.learns:
        model.activation_checkpointing_enable()
        model.enable_input_require_grads()
    mode: AbstractContextManager[Any] = nullcontext() if step.learns else torch.no_grad()
    text = torch.zeros(step.batch, step.words, dtype=torch.int64, device="meta")
    with LivePeak() as peak, mode:
        clip = see(model, step.batch, step.frames)
        embedded = torch.cat([clip, model.get_input_embeddings()(text)], dim=1)
        labels = torch.zeros(embedded.shape[:2], dtype=torch.int64, device="meta") if step.learns else None
        length = embedded.shape[1]
        mask = torch.ones(1, 1, length, length, dtype=torch.bool, device="meta")  # else it is made from values
        answer = model.language_model(inputs_embeds=embedded, attention_mask=mask, labels=labels, use_cache=False)
        del clip, embedded
        if step.learns:
            answer.loss.backward()
    highest = peak.peak
    grads = sum(p.grad.numel() * HALF for p in model.parameters() if p.grad is not None)
    return highest - min(grads, highest)


def _with_lora(model: FaceLanguageModel, rank: int) -> FaceLanguageModel:
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise MissingExtraError("LoRA needs the package peft", mend="run: pip install 'facevlm[models]'") from error
    layers = rf"language_model\.(?:.+\.)?(?:{'|'.join(LINEAR_IN_LORA)})"
    with torch.device("meta"):
        inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.1, target_modules=layers), model)
    return model.to(torch.bfloat16)  # type: ignore[arg-type]
