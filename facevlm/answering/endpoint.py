"""A model behind an OpenAI-compatible endpoint as answerer: frames as pictures, several questions at a time."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from facevlm.answering.shown_frames import RECIPE, shown_frames
from facevlm.endpoints.frame_questions import LONGEST_SIDE, QUALITY, ask_about_frames, jpeg_images
from facevlm.endpoints.model_client import Message, ModelClient
from facevlm.errors import FacevlmError, ReplyError, UsageError, VideoError
from facevlm.evaluation.answers import Question


class EndpointAnswerer:
    """Answers by a model behind a client; see `Answerer`.

    Args:
        client: Whom to ask; `CachedClient` keeps the replies.
        frames: Of each clip.
        max_tokens: Longest answer.
        concurrency: Questions at a time.
        seed: Sent along.
    """

    def __init__(
        self, client: ModelClient, *, frames: int = 16, max_tokens: int = 512, concurrency: int = 8, seed: int = 0
    ) -> None:
        self.client, self.group = client, concurrency
        self._frames, self._max_tokens, self._seed = frames, max_tokens, seed

    @property
    def card(self) -> Mapping[str, Any]:
        """What is sent. Which model the endpoint says it was stands in the kept replies."""
        return {
            "model": self.client.model,
            "revision": "as the endpoint serves it",
            "frames": self._frames,
            "crops": f"{RECIPE}; no side over {LONGEST_SIDE} pixels, JPEG {QUALITY}",
            "max_tokens": self._max_tokens,
            "temperature": 0,
            "seed": self._seed,
        }

    def answer(self, questions: Sequence[Question]) -> list[str | FacevlmError]:
        """The model's replies; see `Answerer`."""
        with ThreadPoolExecutor(self.group) as pool:
            return list(pool.map(self._answer, questions))

    def _answer(self, question: Question) -> str | FacevlmError:
        try:
            examples: list[Message] = []
            for example in question.examples:
                pictures = jpeg_images(shown_frames(example.footage, self._frames))
                examples += [Message("user", question.text, pictures), Message("assistant", example.answer)]
            shown = [frame for clip in question.footage for frame in shown_frames(clip, self._frames)]
            system = [Message("system", question.system)] if question.system else []
            reply = ask_about_frames(
                self.client,
                shown,
                [*system, Message("user", question.text)],
                examples=examples,
                max_tokens=self._max_tokens,
                seed=self._seed,
            )
        except (ReplyError, VideoError, UsageError) as error:
            return error
        return reply.text if reply.text.strip() else ReplyError("the reply is empty", where=self.client.endpoint)
