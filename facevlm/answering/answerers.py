"""The answerers by name: `describe`, `chat:FOLDER`, `openai:NAME`, `hf:FOLDER` …; a further kind is one more row."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from facevlm.answering.describe_engine import DescribeEngine
from facevlm.answering.endpoint import EndpointAnswerer
from facevlm.answering.image_text_model import ImageTextModel
from facevlm.endpoints.model_client import OpenAIClient
from facevlm.endpoints.reply_cache import Budget, CachedClient
from facevlm.errors import UsageError
from facevlm.evaluation.answers import Answerer


@dataclass(frozen=True)
class Options:
    """How an answerer is made; each takes what it knows.

    Attributes:
        frames: Of each clip, for models that see pictures.
        max_tokens: Longest answer.
        batch: Questions at a time.
        seed: Sent to endpoints.
        revision: Of a model of the Hub.
        device: Where a model runs; None for a GPU where there is one.
        base_url: Of an endpoint.
        replies: Folder in which an endpoint's replies are kept.
        replay: Whether to use kept replies alone.
        budget: Of an endpoint.
        infer: Whether the describe engine guesses feelings.
        saved: Folder in which is kept what describe engine and our own models saw of faces, as for `perceive`.
    """

    frames: int = 16
    max_tokens: int = 512
    batch: int = 8
    seed: int = 0
    revision: str | None = None
    device: str | None = None
    base_url: str | None = None
    replies: Path = Path("replies")
    replay: bool = False
    budget: Budget = field(default_factory=Budget)
    infer: bool = False
    saved: str | None = None


def _describe(name: str, options: Options) -> Answerer:
    if name:
        raise UsageError("the describe engine has no variants", where="--model", mend="give describe alone")
    return DescribeEngine(infer=options.infer, saved=options.saved)


def _endpoint(name: str, options: Options) -> Answerer:
    client = None if options.replay else OpenAIClient(name, base_url=options.base_url)
    cached = CachedClient(client, options.replies, model=name, budget=options.budget)
    size = {"frames": options.frames, "max_tokens": options.max_tokens, "seed": options.seed}
    return EndpointAnswerer(cached, concurrency=options.batch, **size)


def _image_text_model(name: str, options: Options, *, as_video: bool = False) -> Answerer:
    size = {"frames": options.frames, "max_tokens": options.max_tokens, "batch": options.batch}
    return ImageTextModel(name, revision=options.revision, device=options.device, as_video=as_video, **size)


def _chat(name: str, options: Options) -> Answerer:
    from facevlm.answering.chat_answerer import ChatAnswerer  # with all that perceives and speaks

    return ChatAnswerer(name, max_tokens=options.max_tokens, device=options.device, saved=options.saved)


def _face_vectors(name: str, options: Options) -> Answerer:
    from facevlm.answering.face_vectors import FaceVectors  # with the face runtime, which no other answerer needs here

    return FaceVectors(name or None, frames=options.frames)


# What stands before the colon of `--model` -> from what stands behind it and the options to who answers.
ANSWERERS: dict[str, Callable[[str, Options], Answerer]] = {
    "describe": _describe,
    "chat": _chat,
    "openai": _endpoint,
    "hf": _image_text_model,
    "hf-video": partial(_image_text_model, as_video=True),
}
# The same for "is it the same person?" by similarity.
COMPARERS: dict[str, Callable[[str, Options], Answerer]] = {"appearance": _face_vectors, "onnx": _face_vectors}
# Those that also answer about words alone, about two clips, or after examples; the other is about one video.
TALKERS = {kind: make for kind, make in ANSWERERS.items() if kind != "describe"}
NAMED = {**dict.fromkeys(("chat", "hf", "hf-video"), "FOLDER"), "openai": "NAME", "onnx": "FILE"}  # behind the colon


def is_answerer(name: str) -> bool:
    """Whether a name is that of an answerer, and of no file."""
    return name.partition(":")[0] in ANSWERERS | COMPARERS and not Path(name).is_file()


def make_answerer(
    name: str,
    options: Options,
    *,
    among: Mapping[str, Callable[[str, Options], Answerer]] = ANSWERERS,
    where: str = "--model",
) -> Answerer:
    """The answerer of a name such as "describe", "openai:gpt-4o", "hf:FOLDER".

    Args:
        name: What stands before its colon is a key of `among`.
        options: How it is made.
        among: Those that can answer what is asked.
        where: The argument that names it, for errors.

    Raises:
        UsageError: There is none.
        FacevlmError: It cannot be made; see the classes.
    """
    kind, colon, rest = name.partition(":")
    if kind not in among or (colon and not rest) or (kind in NAMED and not rest):
        forms = ", ".join(f"{one}:{NAMED[one]}" if one in NAMED else one for one in among)
        raise UsageError(f"no model {name!r} for this", where=where, mend=f"give {forms}, or a file")
    return among[kind](rest, options)
