"""The card of a run: everything that its scores depend on besides the captions."""

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from facevlm.endpoints.reply_cache import CachedClient
from facevlm.evaluation.intervals import RESAMPLES
from facevlm.evaluation.judging import Judging
from facevlm.evaluation.run_folder import Origin
from facevlm.evaluation.video_chatgpt import QUESTION
from facevlm.prompts import load_prompt

PACKAGES = ("facevlm", "numpy", "scipy", "openai", "torch", "transformers")


def run_card(judging: Judging, origin: Origin, *, tokenizer: str, judged: bool) -> dict[str, Any]:
    """The card of a run of captions as JSON.

    Args:
        judging: Who judged.
        origin: Who made the captions.
        tokenizer: Of the text metrics.
        judged: Whether a judged score was asked for.
    """
    return {
        "model": origin.card(),
        "zero_shot": origin.zero_shot,
        "tokenizer": tokenizer,
        "judge": _judge(judging) if judged else None,
        "autodq": {"convention": "tarsier", "max_events": None},
        "tem": {"convention": "strict", "max_events": None},
        **versions(),
    }


def versions() -> dict[str, Any]:
    """What every card ends with: how intervals are made, and the versions of Python and packages."""
    return {
        "intervals": {"kind": "percentile bootstrap over clips", "level": 0.95, "resamples": RESAMPLES, "seed": 0},
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def _judge(judging: Judging) -> dict[str, Any]:
    judge = judging.by_events
    card: dict[str, Any] = {"name": judge.name, "version": judge.version}
    if judging.client is None:
        return card
    card |= {
        "model": judging.client.model,
        "temperature": 0,
        "seed": judging.seed,
        "align": judging.align,
        "question": QUESTION,
        "prompts": {name: load_prompt(name).hash for name in judging.prompts},
    }
    if isinstance(judging.client, CachedClient):
        replies = judging.client.used
        card["replies"] = {
            "n": len(replies),
            "input_tokens": sum(reply.input_tokens for reply in replies),
            "output_tokens": sum(reply.output_tokens for reply in replies),
            "models": sorted({reply.model for reply in replies}),
            "endpoints": sorted({reply.endpoint for reply in replies}),
            "settings_refused": sorted({name for reply in replies for name in reply.left_out}),
        }
    return card


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
