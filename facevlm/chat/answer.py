"""An answer about a clip, whole or in pieces as it is spoken."""

import json
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Answer:
    """What a model answered about a clip.

    Attributes:
        answer: Its words.
        confidence: Geometric mean of the probabilities that the model gave to its own tokens, in [0, 1]: how sure it
            was of its wording, not whether it is right. None where it cannot be known; the warnings say why.
        evidence: Ids of the measured events (as `describe` numbers them for the same clip and `who`) that the words
            match; with events put into the prompt, those.
        model: Name of the model.
        frames: Seconds of the frames that it was shown.
        warnings: Sentences for the user.
    """

    answer: str
    confidence: float | None
    evidence: tuple[int, ...]
    model: str
    frames: tuple[float, ...]
    warnings: tuple[str, ...] = ()

    def to_json(self, *, indent: int | None = 2) -> str:
        """The answer as JSON text that ends with a line feed."""
        rounded = {
            "confidence": None if self.confidence is None else round(self.confidence, 4),
            "frames": [round(time, 4) for time in self.frames],
        }
        return json.dumps({**asdict(self), **rounded}, indent=indent, ensure_ascii=False, allow_nan=False) + "\n"


class AnswerStream:
    """An answer in pieces of text: iterate it once, then `answer` is there. To stop iterating ends the answer.

    Args:
        ask: Answers, and calls its argument with each piece; it runs in a thread.

    Attributes:
        answer: The whole answer; None until it has ended.
    """

    def __init__(self, ask: Callable[[Callable[[str], None]], Answer]) -> None:
        self._ask = ask
        self.answer: Answer | None = None

    def __iter__(self) -> Iterator[str]:
        pieces: queue.SimpleQueue[str | BaseException | None] = queue.SimpleQueue()
        left = threading.Event()

        def hand_on(text: str) -> None:
            if left.is_set():
                raise _LeftError
            pieces.put(text)

        def work() -> None:
            try:
                self.answer = self._ask(hand_on)
                pieces.put(None)
            except BaseException as error:
                pieces.put(error)

        worker = threading.Thread(target=work, daemon=True)
        worker.start()
        try:
            while (piece := pieces.get()) is not None:
                if isinstance(piece, BaseException):
                    raise piece
                yield piece
        finally:
            left.set()
            worker.join()


class _LeftError(Exception):
    """Nobody listens any more."""


def printable(text: str) -> str:
    """The text without control characters, which could steer a terminal or spoil a file."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)
