"""A model that replies by a script, for tests and dry runs: what is asked is kept, nothing is sent anywhere."""

import threading
from collections.abc import Callable, Iterable

from facevlm.endpoints.model_client import ModelReply, ModelRequest
from facevlm.errors import ReplyError


class ScriptedClient:
    """Replies by a function of the request, or with given texts one after the other.

    Args:
        script: A function that returns the reply (or raises), or the replies in order.
        model: Name to go by.
    """

    endpoint = "scripted"

    def __init__(self, script: Callable[[ModelRequest], str] | Iterable[str], *, model: str = "scripted") -> None:
        self.model = model
        self.requests: list[ModelRequest] = []
        self._lock = threading.Lock()
        self._answer = script if callable(script) else None
        self._replies = iter(()) if callable(script) else iter(script)

    def ask(self, request: ModelRequest) -> ModelReply:
        """The next reply; tokens are its words.

        Raises:
            ReplyError: The script has ended.
        """
        with self._lock:
            self.requests.append(request)
            text = self._answer(request) if self._answer else next(self._replies, None)
        if text is None:
            raise ReplyError("the script has no more replies", where=self.endpoint)
        asked = len(request.system.split()) + len(request.user.split())
        return ModelReply(text, asked, len(text.split()), self.model, self.endpoint)
