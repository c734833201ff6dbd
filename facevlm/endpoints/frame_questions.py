"""Ask a model about frames of a video: pictures and messages in, its reply out."""

import io
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image

from facevlm.endpoints.model_client import Message, ModelClient, ModelReply, ModelRequest
from facevlm.errors import UsageError

MOST_IMAGES = 64  # in one request, examples included
LONGEST_SIDE = 768  # pixels; at 16 frames about one megabyte a request
QUALITY = 85  # of JPEG


def ask_about_frames(
    client: ModelClient,
    frames: Sequence[np.ndarray],
    messages: Sequence[Message],
    *,
    examples: Sequence[Message] = (),
    longest_side: int = LONGEST_SIDE,
    max_tokens: int = 1024,
    seed: int = 0,
    prompt: str = "frames",
    prompt_hash: str = "",
) -> ModelReply:
    """What a vision model replies to a conversation about frames.

        client = CachedClient(OpenAIClient("gpt-4o"), "replies")
        reply = ask_about_frames(client, frames, [Message("user", "What does her face do?")])
        print(reply.text)

    Args:
        client: Whom to ask: `OpenAIClient` for any OpenAI-compatible endpoint, `CachedClient` around it to keep them.
        frames: uint8 (H, W, 3) RGB, in order of time; they go with the first user message. None for a text question.
        messages: The conversation so far; the last is the user's. A system message, if any, comes first.
        examples: User and assistant messages that are shown before it, each with its own `images`.
        longest_side: Pixels to which larger frames are reduced.
        max_tokens: Longest reply.
        seed: Sent along.
        prompt: Name of the prompt that the messages are made from; kept with the reply.
        prompt_hash: Its SHA-256, likewise.

    Raises:
        UsageError: The last message is not the user's, or there are too many pictures.
        ReplyError: No reply.
        InputError: The endpoint cannot be used.
    """
    spoken = list(messages)
    system = spoken.pop(0).text if spoken and spoken[0].role == "system" else ""
    if not spoken or spoken[-1].role != "user" or any(message.role == "system" for message in spoken):
        raise UsageError("a conversation ends with a message of the user", where="messages")
    first = next(number for number, message in enumerate(spoken) if message.role == "user")
    spoken[first] = replace(spoken[first], images=(*spoken[first].images, *jpeg_images(frames, longest_side)))
    every = [*examples, *spoken]
    if (count := sum(len(message.images) for message in every)) > MOST_IMAGES:
        raise UsageError(f"{count} pictures in one request", mend=f"at most {MOST_IMAGES}: take fewer frames")
    request = ModelRequest(
        prompt,
        prompt_hash,
        system,
        every[-1].text,
        max_tokens=max_tokens,
        seed=seed,
        images=every[-1].images,
        earlier=tuple(every[:-1]),
    )
    return client.ask(request)


def jpeg_images(frames: Sequence[np.ndarray], longest_side: int = LONGEST_SIDE) -> tuple[bytes, ...]:
    """Frames as JPEG files, reduced so that no side is longer; the same frames give the same bytes.

    Args:
        frames: uint8 (H, W, 3) RGB.
        longest_side: Pixels.

    Raises:
        UsageError: There are too many frames.
    """
    if len(frames) > MOST_IMAGES:
        raise UsageError(f"{len(frames)} frames in one message", mend=f"take at most {MOST_IMAGES}")
    return tuple(_jpeg(frame, longest_side) for frame in frames)


def _jpeg(frame: np.ndarray, longest_side: int) -> bytes:
    picture = Image.fromarray(frame)
    picture.thumbnail((longest_side, longest_side), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()
