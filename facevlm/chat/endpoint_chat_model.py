"""A model behind an OpenAI-compatible vision endpoint as `ChatModel`: frames as pictures, with their times."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from facevlm.chat.chat_models import Faces, Reply
from facevlm.endpoints.frame_questions import ask_about_frames, jpeg_images
from facevlm.endpoints.model_client import Message, ModelClient
from facevlm.errors import ReplyError
from facevlm.prompts import load_prompt
from facevlm.tracking.model_frames import ModelFrame, uniform_frames

PROMPT = "ask_about_frames"
NO_CONFIDENCE = "There is no confidence: the endpoint does not tell how sure its model was."


@dataclass(frozen=True)
class SeenFrames:
    """A clip as it is sent: JPEG files, and what is said of them."""

    images: tuple[bytes, ...]
    told: str


class EndpointChatModel:
    """See `ChatModel`. It is shown whole frames, and nobody's face apart.

    Args:
        client: Whom to ask.
        frames: Of a clip.
    """

    faces: Faces = "none"
    people = 1
    warnings: tuple[str, ...] = ()

    def __init__(self, client: ModelClient, *, frames: int = 16) -> None:
        self._client, self.frames = client, frames
        self.name = f"openai:{client.model}"

    def choose_frames(self, count: int) -> Sequence[int]:
        """The middles of equal parts; none twice."""
        return sorted(set(uniform_frames(count, self.frames).tolist()))

    def see(self, frames: Sequence[ModelFrame]) -> SeenFrames:
        """The frames as pictures; nothing is sent before there is a question."""
        times = ", ".join(f"{frame.time:.1f}" for frame in frames)
        _, told = load_prompt(PROMPT).fill(count=str(len(frames)), times=times)
        return SeenFrames(jpeg_images([frame.image for frame in frames]), told)

    def reply(
        self,
        seen: Sequence[SeenFrames],
        conversation: Sequence[dict[str, Any]],
        *,
        max_new_tokens: int,
        on_text: Callable[[str], None] | None = None,
    ) -> Reply:
        """See `ChatModel`; the text comes in one piece.

        Raises:
            ReplyError: The endpoint gave no answer, or an empty one.
            InputError: It cannot be used.
        """
        prompt, spoken = load_prompt(PROMPT), _messages(conversation, seen)
        reply = ask_about_frames(
            self._client,
            (),
            [*([Message("system", prompt.system)] if seen else []), *spoken],
            max_tokens=max_new_tokens,
            prompt=PROMPT,
            prompt_hash=prompt.hash,
        )
        if not reply.text.strip():
            raise ReplyError("the reply is empty", where=self._client.endpoint)
        if on_text is not None:
            on_text(reply.text)
        return Reply(reply.text.strip(), None, (NO_CONFIDENCE,))


def _messages(conversation: Sequence[dict[str, Any]], seen: Sequence[SeenFrames]) -> list[Message]:
    """Each message with its clips: what is said of them first, then its texts, one below the other."""
    clips, messages = list(seen), []
    placed = any(
        part["type"] == "video" for m in conversation if not isinstance(m["content"], str) for part in m["content"]
    )
    for message in conversation:
        content = message["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        count = sum(part["type"] == "video" for part in parts) if placed else len(clips)
        shown, clips = clips[:count], clips[count:]
        texts = [*(clip.told for clip in shown), *(part["text"] for part in parts if part["type"] == "text")]
        images = tuple(image for clip in shown for image in clip.images)
        messages.append(Message(message["role"], "\n".join(texts), images))
    return messages
