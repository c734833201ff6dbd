"""Full-size models with random weights on a GPU, in bfloat16: time to the first token, speed, memory, training.

    python benchmarks/models/full_size.py [MODEL ...] [--attention sdpa|flash_attention_2]
    python benchmarks/models/full_size.py --smoke          # the same code on tiny models and the processor

Without a GPU it says so and ends with exit code 3; nothing is measured then. Answers: one clip of 8 and of 16 frames,
seen anew each time. Training: one step of AdamW at the paper's batch size, parts that learn in float32 under autocast,
LoRA on the language model, activation checkpointing. Beside each peak stands what `facevlm models plan` says of it.
Needs the extra models.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from machine import keep, machine

from facevlm.models.language_side import IGNORED_LABEL, FaceLanguageModel
from facevlm.models.memory_plan import LINEAR_IN_LORA, STEPS, Step, memory_plan
from facevlm.models.model_parts import MODELS

WORDS, ROUNDS = 64, 3
NO_GPU = 3  # exit code


class Place:
    """Where it runs: a GPU, or the processor for a smoke test."""

    def __init__(self, smoke: bool) -> None:
        self.smoke, self.device = smoke, "cpu" if smoke else "cuda"

    def wait(self) -> None:
        """Until all work is done."""
        if not self.smoke:
            torch.cuda.synchronize()

    def forget(self) -> None:
        """Peaks before now."""
        if not self.smoke:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()

    def peak(self) -> int | None:
        """Bytes since then; None on the processor."""
        return None if self.smoke else torch.cuda.max_memory_allocated()

    def timed(self, run: Any) -> float:
        """Seconds of a run, all of it done."""
        self.wait()
        start = time.perf_counter()
        run()
        self.wait()
        return time.perf_counter() - start


def config_of(name: str, place: Place, frames: int) -> Any:
    """Full size, or tiny."""
    whole = MODELS[name]
    fields = dict(whole.presets["tiny" if place.smoke else whole.full_size])
    return whole.config_class(**fields, **({} if name != "facetrack-mm" or "frames" in fields else {"frames": frames}))


def build(name: str, config: Any, place: Place, attention: str) -> FaceLanguageModel:
    """A model with random weights."""
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device(place.device):
            model = MODELS[name].model_class(config)
    finally:
        torch.set_default_dtype(before)
    model.language_model.set_attn_implementation(attention)
    return model.to(torch.bfloat16).eval()


def inputs(model: FaceLanguageModel, name: str, place: Place, batch: int, frames: int, words: int) -> dict[str, Any]:
    """A prompt with its placeholders, and pictures."""
    config: Any = model.config
    here: dict[str, Any] = {"device": place.device, "dtype": torch.bfloat16}
    if name == "facetrack-mm":
        side = config.boxes().clip.image_size
        clip = {"video": torch.randn(batch, frames, 3, side, side, **here)}
        clip["faces"] = torch.randn(batch, 1, frames, 3, 224, 224, **here)
        places = [config.video_token_id] * config.scene_tokens() + [config.face_token_id] * config.face_tokens()
    else:
        clip = {"video": torch.randn(batch, 3, frames, 224, 224, **here)}
        clip["faces"] = torch.randn(batch, frames, 3, 224, 224, **here)
        count = config.boxes().general_qformer.tokens if name == "favchat" else config.boxes()[2].queries
        places = [config.video_token_id] * count
        asks = "instruction" if name == "favchat" else "question"
        clip[asks] = torch.randint(5, 250, (batch, 24), device=place.device)
    text = torch.randint(5, 250, (batch, words), device=place.device)
    held = torch.tensor(places, device=place.device).expand(batch, -1)
    ids = torch.cat([text[:, :8], held, text[:, 8:]], dim=1)
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), **clip}


def answer(name: str, frames: int, place: Place, attention: str) -> dict[str, Any]:
    """One clip, one answer."""
    config = config_of(name, place, frames)
    frames = config.frames if name == "facetrack-mm" else frames
    model = build(name, config, place, attention)
    given = inputs(model, name, place, 1, frames, 96)
    words = 8 if place.smoke else WORDS
    limits = {"do_sample": False, "pad_token_id": 0, "eos_token_id": None}
    place.forget()
    with torch.inference_mode():
        model.generate(**given, max_new_tokens=2, **limits)  # warm
        first = min(place.timed(lambda: model.generate(**given, max_new_tokens=1, **limits)) for _ in range(ROUNDS))
        whole = min(place.timed(lambda: model.generate(**given, max_new_tokens=words, **limits)) for _ in range(ROUNDS))
    plan = memory_plan(name, config, Step("answer", 1, frames, 96 + words))
    return {
        "frames": frames,
        "prompt_tokens": given["input_ids"].shape[1],
        "first_token_s": first,
        "tokens_per_s": (words - 1) / (whole - first) if whole > first else None,  # noise, on tiny models
        "peak_bytes": place.peak(),
        "planned_bytes": plan.total,
    }


def train(name: str, step: Step, place: Place, attention: str) -> dict[str, Any]:
    """One step of a paper's training."""
    from peft import LoraConfig, inject_adapter_in_model

    config = config_of(name, place, step.frames)
    frames = config.frames if name == "facetrack-mm" else step.frames
    batch = 1 if place.smoke else step.batch
    model = build(name, config, place, attention).requires_grad_(False)
    if step.lora_rank:
        layers = rf"language_model\.(?:.+\.)?(?:{'|'.join(LINEAR_IN_LORA)})"
        inject_adapter_in_model(
            LoraConfig(r=step.lora_rank, lora_alpha=2 * step.lora_rank, lora_dropout=0.1, target_modules=layers), model
        )
    for part in step.trains:
        for module in MODELS[name].parts[part].modules:
            if getattr(model, module, None) is not None:
                getattr(model, module).requires_grad_(True)
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in learning:
        parameter.data = parameter.data.float()
    model.train()
    model.activation_checkpointing_enable()
    model.enable_input_require_grads()
    optimizer = torch.optim.AdamW(learning, lr=1e-5, fused=not place.smoke)
    given = inputs(model, name, place, batch, frames, step.words)
    labels = given["input_ids"].clone()
    labels[:, : -step.words // 2] = IGNORED_LABEL
    losses = []

    def one() -> None:
        with torch.autocast(place.device, torch.bfloat16):
            loss = model(**given, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(float(loss.detach()))

    place.forget()
    one()  # warm; makes the optimizer's states
    took = min(place.timed(one) for _ in range(2))
    return {
        "step": step.name,
        "batch": batch,
        "tokens": given["input_ids"].numel(),
        "trainable": sum(parameter.numel() for parameter in learning),
        "step_s": took,
        "losses": losses,
        "peak_bytes": place.peak(),
        "planned_bytes": memory_plan(name, config, step).total,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"of {', '.join(MODELS)}; default: all")
    parser.add_argument("--attention", default="sdpa", help="as transformers names it")
    parser.add_argument("--smoke", action="store_true", help="tiny models on the processor; measures nothing of worth")
    given = parser.parse_args()
    if unknown := set(given.models) - set(MODELS):
        parser.error(f"no model {unknown.pop()}")
    if not given.smoke and not torch.cuda.is_available():
        print("no GPU here: nothing was measured (try --smoke to see that the script runs)", file=sys.stderr)
        return NO_GPU
    place = Place(given.smoke)
    gpu = {} if given.smoke else {"gpu": torch.cuda.get_device_name(), "gpu_bytes": torch.cuda.mem_get_info()[1]}
    where = {**machine(), **gpu, "torch": torch.__version__, "attention": given.attention, "smoke": given.smoke}
    results: dict[str, list[dict[str, Any]]] = {}
    lines = [f"{'':34}{'first s':>10}{'tokens/s':>10}{'step s':>10}{'peak GB':>10}{'plan GB':>10}"]
    for name in given.models or MODELS:
        rows = [answer(name, frames, place, given.attention) for frames in (8, 16)]
        rows += [train(name, step, place, given.attention) for step in STEPS[name] if step.learns]
        results[name] = rows
        for row in rows:
            told = [row.get("first_token_s"), row.get("tokens_per_s"), row.get("step_s")]
            told += [row[key] and row[key] / 1e9 for key in ("peak_bytes", "planned_bytes")]
            what = f"{name}, {row.get('step') or str(row['frames']) + ' frames'}"
            lines.append(f"{what:34}" + "".join(f"{'-':>10}" if v is None else f"{v:10.3f}" for v in told))
    if given.smoke:
        print("\n".join([*lines, "tiny models on the processor: that the script runs is all that this shows"]))
    else:
        keep("model_full_size", where, results, "\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
