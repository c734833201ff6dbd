"""Talk to a language model: one request in, the text of its reply out, from any OpenAI-compatible endpoint."""

import base64
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

from facevlm.errors import InputError, MissingExtraError, ReplyError, UsageError

RETRIES = 6  # after the first try, for 408, 409, 429, 5xx and timeouts; the waits double from half a second up to eight
TIMEOUT = 60.0  # seconds
FORMATS = ("json_schema", "json_object", "text")  # what endpoints may enforce, the strictest first
SETTINGS = ("max_tokens", "temperature", "top_p", "seed")  # what some endpoints refuse; then it is left out, and told


@dataclass(frozen=True)
class Message:
    """One message of a conversation.

    Attributes:
        role: Whose it is.
        text: What it says.
        images: JPEG files, in order; they come before the text. See `frames.jpeg_images`.
    """

    role: Literal["system", "user", "assistant"]
    text: str
    images: tuple[bytes, ...] = field(default=(), repr=False)

    def as_sent(self) -> dict[str, Any]:
        """The message as endpoints take it: pictures as data URLs."""
        if not self.images:
            return {"role": self.role, "content": self.text}
        urls = ("data:image/jpeg;base64," + base64.b64encode(image).decode() for image in self.images)
        pictures = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
        return {"role": self.role, "content": [*pictures, {"type": "text", "text": self.text}]}

    def as_record(self) -> dict[str, Any]:
        """The message with each picture's SHA-256 in its place."""
        return {"role": self.role, "text": self.text, "images": _digests(self.images)}


@dataclass(frozen=True)
class ModelRequest:
    """What a model is asked. Its temperature is always 0, where the endpoint lets it be chosen.

    Attributes:
        prompt: Name of the prompt.
        prompt_hash: SHA-256 of the prompt's file.
        system: System message.
        user: User message.
        schema: JSON schema of the reply, None for plain text.
        max_tokens: Longest reply.
        seed: For endpoints that take one.
        attempt: 1 .. 3; a reply that could not be read is asked for again.
        images: JPEG files of the user message.
        earlier: What stands between the system message and the user's: examples, or what was said before.
    """

    prompt: str
    prompt_hash: str
    system: str
    user: str
    schema: dict[str, Any] | None = field(default=None, hash=False)
    max_tokens: int = 1024
    seed: int = 0
    attempt: int = 1
    images: tuple[bytes, ...] = field(default=(), repr=False)
    earlier: tuple[Message, ...] = ()

    def messages(self) -> list[Message]:
        """The whole conversation, in order."""
        system = [Message("system", self.system)] if self.system else []
        return [*system, *self.earlier, Message("user", self.user, self.images)]

    def as_record(self) -> dict[str, Any]:
        """Everything that the reply depends on besides the model, with each picture's SHA-256 in its place."""
        pictures = {"images": _digests(self.images), "earlier": [message.as_record() for message in self.earlier]}
        return asdict(replace(self, images=(), earlier=())) | pictures

    def key(self, model: str) -> str:
        """SHA-256 of everything that the reply depends on, in hexadecimal digits."""
        whole = json.dumps({"model": model, **self.as_record()}, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class ModelReply:
    """What a model replied.

    Attributes:
        text: The reply as it came.
        input_tokens: As the endpoint counts them; 0 where it does not.
        output_tokens: Likewise.
        model: Which model the endpoint says it was.
        endpoint: Its host.
        left_out: Which of `SETTINGS` the endpoint refused; for `max_tokens` it was sent `max_completion_tokens`.
    """

    text: str
    input_tokens: int = 0
    output_tokens: int = 0
    model: str = ""
    endpoint: str = ""
    left_out: tuple[str, ...] = ()


class ModelClient(Protocol):
    """What answers requests. `ask` is called from several threads.

    Attributes:
        model: Which model is asked.
        endpoint: Host of the endpoint.
    """

    model: str
    endpoint: str

    def ask(self, request: ModelRequest) -> ModelReply:
        """The reply to a request.

        Raises:
            ReplyError: This request got none, however often it was tried.
            InputError: The endpoint cannot be used at all.
        """
        ...


class OpenAIClient:
    """A model behind an OpenAI-compatible endpoint (needs `openai`): hosted, vLLM, Ollama, llama.cpp, LM Studio.

    Where an endpoint refuses a JSON schema (status 400), a JSON object is asked for, and at last plain text. Where it
    refuses one of `SETTINGS` by name, as those of reasoning models do, that is left out from then on.

    Args:
        model: Name of the model, as the endpoint knows it.
        base_url: Such as "http://localhost:8000/v1"; None for the variable OPENAI_BASE_URL, else that of OpenAI.
        api_key: None for the variable OPENAI_API_KEY; local servers need none.
        timeout: Longest wait for one reply, seconds.
        retries: Tries after the first.

    Raises:
        MissingExtraError: `openai` is not installed.
        UsageError: The URL is none.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        timeout: float = TIMEOUT,
        retries: int = RETRIES,
    ) -> None:
        try:
            import openai
        except ImportError as error:
            raise MissingExtraError(
                "a model behind an endpoint needs openai", mend="pip install 'facevlm[openai]'"
            ) from error
        if base_url is not None and (
            urlsplit(base_url).scheme not in ("http", "https") or not urlsplit(base_url).netloc
        ):
            raise UsageError(f"{base_url!r} is no http or https URL", where="--base-url")
        key = api_key or os.environ.get("OPENAI_API_KEY") or "none"
        self._openai = openai
        self._client = openai.OpenAI(api_key=key, base_url=base_url, timeout=timeout, max_retries=retries)
        self.model = model
        self.endpoint = urlsplit(str(self._client.base_url)).netloc.rpartition("@")[2]
        self._format = 0
        self._refused: frozenset[str] = frozenset()

    def ask(self, request: ModelRequest) -> ModelReply:
        """The reply to a request; see `ModelClient`."""
        if request.schema is None:
            return self._read(self._send(request, "text"))
        first = self._format
        for number, kind in enumerate(FORMATS[first:], start=first):
            try:
                reply = self._read(self._send(request, kind))
            except _RefusedError as error:
                if kind == FORMATS[-1]:
                    raise ReplyError(str(error), where=self.endpoint) from error
                continue
            self._format = max(self._format, number)
            return reply
        raise AssertionError("the last format returns or raises")

    def _send(self, request: ModelRequest, kind: str) -> Any:
        formats: dict[str, Callable[[], Any]] = {
            "json_schema": lambda: {
                "type": "json_schema",
                "json_schema": {"name": request.prompt, "strict": True, "schema": request.schema},
            },
            "json_object": lambda: {"type": "json_object"},
            "text": lambda: self._openai.omit,
        }
        api = self._openai
        settings = {"max_tokens": request.max_tokens, "temperature": 0, "top_p": 1, "seed": request.seed}
        sent: dict[str, Any] = {name: value for name, value in settings.items() if name not in self._refused}
        if "max_tokens" in self._refused:
            sent["max_completion_tokens"] = request.max_tokens
        messages: Any = [message.as_sent() for message in request.messages()]
        try:
            return self._client.chat.completions.create(
                model=self.model,
                messages=messages,
                response_format=formats[kind](),
                **sent,
            )
        except (api.AuthenticationError, api.PermissionDeniedError, api.NotFoundError) as error:
            what = f"refused with status {error.status_code}: {_one_line(error.message)}"
            raise InputError(what, where=self.endpoint, mend="check the key, the URL and the model's name") from error
        except api.BadRequestError as error:
            if (setting := _refused_setting(error)) in sent:
                self._refused |= {setting}
                return self._send(request, kind)
            if request.schema is None:
                raise ReplyError(f"status 400: {_one_line(error.message)}", where=self.endpoint) from error
            raise _RefusedError(f"status 400: {_one_line(error.message)}") from error
        except api.APITimeoutError as error:
            raise ReplyError("no reply in time", where=self.endpoint) from error
        except api.APIConnectionError as error:
            mend = "start the server or check the URL, then run again"
            raise InputError("cannot be reached", where=self.endpoint, mend=mend) from error
        except api.APIStatusError as error:
            raise ReplyError(f"status {error.status_code}: {_one_line(error.message)}", where=self.endpoint) from error
        except (api.APIError, ValueError) as error:
            raise ReplyError("the reply is no chat completion", where=self.endpoint) from error

    def _read(self, completion: Any) -> ModelReply:
        try:
            text = completion.choices[0].message.content
            usage = completion.usage
            tokens = (int(usage.prompt_tokens or 0), int(usage.completion_tokens or 0)) if usage else (0, 0)
        except (AttributeError, IndexError, TypeError, ValueError) as error:
            raise ReplyError("the reply is no chat completion", where=self.endpoint) from error
        text = text.encode("utf-8", "replace").decode() if isinstance(text, str) else ""  # lone surrogates, as kept
        model, left_out = str(completion.model or ""), tuple(sorted(self._refused))
        return ModelReply(text, *tokens, model=model, endpoint=self.endpoint, left_out=left_out)


class _RefusedError(Exception):
    """The endpoint refuses the request as it is: status 400."""


def _refused_setting(error: Any) -> str | None:
    """Which of `SETTINGS` a status 400 is about: as its `param` says, else the first that its message quotes."""
    if error.param in SETTINGS:
        return str(error.param)
    return next((name for name in SETTINGS if f"'{name}'" in str(error.message)), None)


def _digests(images: tuple[bytes, ...]) -> list[str]:
    return [hashlib.sha256(image).hexdigest() for image in images]


def _one_line(message: str) -> str:
    text = " ".join(str(message).split())
    return text[:120] + " …" if len(text) > 120 else text
