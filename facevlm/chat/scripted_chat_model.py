"""A model that answers by a script, for tests and dry runs: what it is shown and told is kept."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from facevlm.chat.chat_models import Faces, Reply
from facevlm.errors import UsageError
from facevlm.tracking.model_frames import ModelFrame, uniform_frames


class ScriptedChatModel:
    """Says given texts one after the other, word by word; see `ChatModel`.

    Args:
        script: The replies in order.
        frames: As of `ChatModel`.
        faces: As of `ChatModel`.

    Attributes:
        shown: The frames of each clip that was seen.
        told: Each conversation that was answered.
    """

    name = "scripted"
    people = 1
    warnings: tuple[str, ...] = ()

    def __init__(self, script: Iterable[str], *, frames: int = 4, faces: Faces = "main") -> None:
        self.frames, self.faces = frames, faces
        self.shown: list[tuple[ModelFrame, ...]] = []
        self.told: list[list[dict[str, Any]]] = []
        self._replies = iter(script)

    def choose_frames(self, count: int) -> list[int]:
        """The middles of equal parts."""
        return uniform_frames(count, self.frames).tolist()

    def see(self, frames: Sequence[ModelFrame]) -> int:
        """Number of the clip in `shown`."""
        self.shown.append(tuple(frames))
        return len(self.shown) - 1

    def reply(
        self,
        seen: Sequence[int],
        conversation: Sequence[dict[str, Any]],
        *,
        max_new_tokens: int,
        on_text: Callable[[str], None] | None = None,
    ) -> Reply:
        """The next text, cut after `max_new_tokens` words.

        Raises:
            UsageError: The script has ended.
        """
        self.told.append(list(conversation))
        text = next(self._replies, None)
        if text is None:
            raise UsageError("the script has no more replies", where=self.name)
        said = " ".join(text.split(" ")[:max_new_tokens])
        if on_text is not None:
            for number, word in enumerate(said.split(" ")):
                on_text(f" {word}" if number else word)
        return Reply(said, warnings=("There is no confidence: the words are scripted.",))
