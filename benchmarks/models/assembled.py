"""The assembled models at a small size on this machine: what comes before the first word, and words a second.

    python benchmarks/models/assembled.py [--words N]

Language model: 8 layers of width 512; the boxes before it are small too, so that their share is no measure of the real
one. Compared in one run: with the cache and without; five questions about a clip seen once and about one seen anew each
time; attention fused and by its formula. Random weights, float32, one thread. Needs the extra models.
"""

import argparse
import sys
import time
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from components import attention_by_formula

sys.path.insert(0, str(Path(__file__).parents[1]))
from machine import keep, machine

from facevlm.models.language_side import FaceLanguageModel
from facevlm.models.model_parts import MODELS

TEXT = {
    **{"model_type": "mistral", "vocab_size": 4002, "hidden_size": 512, "intermediate_size": 1536},
    **{"num_hidden_layers": 8, "num_attention_heads": 8, "num_key_value_heads": 2, "sliding_window": None},
}
QUESTIONS, PROMPT, ROUNDS = 5, 48, 3


def small(name: str) -> tuple[FaceLanguageModel, dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """A model, its prompt, and a clip's pictures."""
    whole = MODELS[name]
    fields = {**deepcopy(whole.presets["tiny"]), "text_config": TEXT, "video_token_id": 4000}
    if name == "facetrack-mm":
        fields |= {"face_token_id": 4001, "stc": {"depth": 1}, "frames": 8}
        fields["clip"] = {**fields["clip"], "image_size": 336}
    torch.manual_seed(0)
    model = whole.model_class(whole.config_class(**fields)).eval()
    words = torch.randint(5, 4000, (1, PROMPT))
    if name == "facetrack-mm":
        config: Any = model.config
        places = [4000] * config.scene_tokens() + [4001] * config.face_tokens()
        pictures = {"video": torch.randn(1, 8, 3, 336, 336), "faces": torch.randn(1, 1, 8, 3, 224, 224)}
        asked: dict[str, torch.Tensor] = {}
    else:
        places = [4000] * 8
        pictures = {"video": torch.randn(1, 3, 8, 224, 224), "faces": torch.randn(1, 8, 3, 224, 224)}
        asked = {"instruction" if name == "favchat" else "question": torch.randint(5, 300, (1, 12))}
    ids = torch.cat([words[:, :4], torch.tensor([places]), words[:, 4:]], dim=1)
    return model, {"input_ids": ids, "attention_mask": torch.ones_like(ids), **asked}, pictures


STATES = {"facetrack-mm": ("scene_states", "face_states")}


def timed(run: Any) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def measure(name: str, words: int) -> dict[str, float]:
    """Seconds, and tokens a second, of one model."""
    model, prompt, pictures = small(name)
    names = STATES.get(name, ("general_states", "facial_states"))
    limits = {"do_sample": False, "pad_token_id": 0, "eos_token_id": None}

    def seen() -> dict[str, torch.Tensor]:
        return dict(zip(names, model.see(**pictures), strict=True))

    states = seen()
    model(**prompt, **states)  # warm
    sight = min(timed(seen) for _ in range(ROUNDS))
    prefill = min(timed(lambda: model(**prompt, **states, use_cache=True)) for _ in range(ROUNDS))
    with attention_by_formula():
        formula = min(timed(lambda: model(**prompt, **states, use_cache=True)) for _ in range(ROUNDS))
    runs = {
        "one": lambda: model.generate(**prompt, **states, **limits, max_new_tokens=1),
        "all": lambda: model.generate(**prompt, **states, **limits, max_new_tokens=words),
        "bare": lambda: model.generate(**prompt, **states, **limits, max_new_tokens=words, use_cache=False),
        "once": lambda: [model(**prompt, **kept) for kept in [seen()] for _ in range(QUESTIONS)],
        "anew": lambda: [model(**prompt, **pictures) for _ in range(QUESTIONS)],
    }
    least = dict.fromkeys(runs, float("inf"))
    for _ in range(ROUNDS):  # in turn, so that other work on the machine meets all of them
        least = {name: min(least[name], timed(run)) for name, run in runs.items()}
    return {
        "prompt_tokens": prompt["input_ids"].shape[1],
        "see_s": sight,
        "prefill_s": prefill,
        "prefill_by_formula_s": formula,
        "first_token_s": sight + prefill,
        "tokens_per_s": (words - 1) / (least["all"] - least["one"]),
        "without_cache_times": least["bare"] / least["all"],
        "seen_anew_times": least["anew"] / least["once"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--words", type=int, default=32, help="tokens of an answer")
    given = parser.parse_args()
    torch.set_num_threads(1)
    where = {**machine(), "threads": 1, "torch": torch.__version__}
    with torch.inference_mode():
        results = {name: measure(name, given.words) for name in MODELS}
    heads = list(next(iter(results.values())))
    lines = [f"{'':22}" + "".join(f"{name:>14}" for name in results)]
    lines += [f"{head:22}" + "".join(f"{row[head]:14.3f}" for row in results.values()) for head in heads]
    keep("model_assembled", where, results, "\n".join(lines))


if __name__ == "__main__":
    main()
