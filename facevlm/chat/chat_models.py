"""Who can answer questions about a clip: models on this machine, by folder or preset; others by a row of a table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from facevlm.errors import UsageError
from facevlm.tracking.model_frames import ModelFrame

Faces = Literal["none", "main", "all"]
NOISE = "The model, or a part of it, has random weights: its words are noise."


@dataclass(frozen=True)
class Reply:
    """What a model said.

    Attributes:
        text: Its words.
        confidence: In [0, 1], None where it cannot be known.
        warnings: Sentences for the user: why there is no confidence, that the answer was cut …
    """

    text: str
    confidence: float | None = None
    warnings: tuple[str, ...] = ()


class ChatModel(Protocol):
    """What answers questions about clips.

    Attributes:
        name: To go by.
        frames: Frames of a clip that it is shown.
        faces: Whose crops it is shown beside them: nobody's, the main character's, or everybody's. Frames are moved to
            where such a face is seen.
        people: With "main", of how many people, the first ones of those asked about.
        warnings: Sentences for the user about all its answers.
    """

    name: str
    frames: int
    faces: Faces
    people: int
    warnings: tuple[str, ...]

    def choose_frames(self, count: int) -> Sequence[int]:
        """Which of `count` evenly spaced frames it is shown, in order: `frames` numbers."""
        ...

    def see(self, frames: Sequence[ModelFrame]) -> Any:
        """Take in a clip, once for any number of questions; what comes out is for `reply`."""
        ...

    def reply(
        self,
        seen: Sequence[Any],
        conversation: Sequence[dict[str, Any]],
        *,
        max_new_tokens: int,
        on_text: Callable[[str], None] | None = None,
    ) -> Reply:
        """The next message of a conversation, whose last message is the user's.

        Args:
            seen: From `see`, each clip in the order of its place in the conversation; none for words alone.
            conversation: Messages with "role" and "content": a text, or parts of type "video", each the place of a
                clip, and "text", of which the last is the question. Where no message has a place, all clips belong to
                the first.
            max_new_tokens: Longest answer.
            on_text: Called with each further piece of the text; what it raises ends the answer.

        Raises:
            FacevlmError: There is no answer.
        """
        ...


class LocalModel:
    """A model of `facevlm.models` as `ChatModel` (needs the extra `models`).

    Args:
        name: Its folder or preset.
        device, quantize: As for `facevlm.models.generation.load_model`, whose errors it raises.
    """

    def __init__(self, name: str, *, device: str | None = None, quantize: str | None = None) -> None:
        from facevlm.models.generation import load_model

        self.name = name
        self._loaded = load_model(name, device=device, quantize=quantize)
        model, processor = self._loaded
        self.frames = processor.frames
        self.faces: Faces = processor.faces_shown
        self.people: int = getattr(processor, "people", 1)
        self.warnings: tuple[str, ...] = (NOISE,) if getattr(model.config, "untrained", False) else ()

    def choose_frames(self, count: int) -> Sequence[int]:
        """As its kind was trained."""
        return self._loaded[1].choose_frames(count)

    def see(self, frames: Sequence[ModelFrame]) -> Any:
        """See `ChatModel`."""
        from facevlm.models.generation import see
        from facevlm.models.model_clip import ModelClip

        faces = zip(*([crop.pixels for crop in frame.crops] for frame in frames), strict=True)
        clip = ModelClip([frame.image for frame in frames], [frame.time for frame in frames], list(faces))
        return see(*self._loaded, clip)

    def reply(
        self,
        seen: Sequence[Any],
        conversation: Sequence[dict[str, Any]],
        *,
        max_new_tokens: int,
        on_text: Callable[[str], None] | None = None,
    ) -> Reply:
        """See `ChatModel`."""
        from facevlm.models.generation import generate_answer

        made = generate_answer(*self._loaded, seen, list(conversation), max_new_tokens=max_new_tokens, on_text=on_text)
        warnings = []
        if made.confidence is None:
            warnings.append("There is no confidence: the model said nothing.")
        if not made.ended:
            warnings.append(f"The answer was cut after {max_new_tokens} tokens.")
        return Reply(made.text, made.confidence, tuple(warnings))


def _endpoint(name: str) -> ChatModel:
    from facevlm.chat.endpoint_chat_model import EndpointChatModel
    from facevlm.endpoints.model_client import OpenAIClient

    if not name:
        raise UsageError("the endpoint's model has no name", where="--model", mend="give openai:NAME")
    return EndpointChatModel(OpenAIClient(name))


# What stands before a colon in the name of a model -> from what stands behind it to who answers.
CHAT_MODELS: dict[str, Callable[[str], ChatModel]] = {"openai": _endpoint}


def open_chat_model(name: str, *, device: str | None = None, quantize: str | None = None) -> ChatModel:
    """Who answers by this name: a folder, a preset such as "tiny", or a kind of `CHAT_MODELS` and a name of that kind.

    Raises:
        UsageError: There is no such model.
        MissingExtraError: torch or transformers is not installed.
        WeightsError: The model cannot be loaded.
    """
    kind, colon, rest = name.partition(":")
    if colon and kind in CHAT_MODELS:
        if quantize is not None:
            raise UsageError("is for models on this machine", where="--quantize", mend="leave it out")
        return CHAT_MODELS[kind](rest)
    if not name:
        raise UsageError("the name is empty", where="--model", mend="give the folder of a model, tiny, or openai:NAME")
    return LocalModel(name, device=device, quantize=quantize)
