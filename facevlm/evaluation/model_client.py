"""Talk to a language model: one request in, the text of its reply out, from any OpenAI-compatible endpoint."""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from facevlm.errors import InputError, JudgeError, MissingExtraError, UsageError

RETRIES = 6  # after the first try, for 408, 409, 429, 5xx and timeouts; the waits double from half a second up to eight
TIMEOUT = 60.0  # seconds
FORMATS = ("json_schema", "json_object", "text")  # what endpoints may enforce, the strictest first


@dataclass(frozen=True)
class ModelRequest:
    """What a model is asked. Its temperature is always 0.

    Attributes:
        prompt: Name of the prompt.
        prompt_hash: SHA-256 of the prompt's file.
        system: System message.
        user: User message.
        schema: JSON schema of the reply, None for plain text.
        max_tokens: Longest reply.
        seed: For endpoints that take one.
        attempt: 1 .. 3; a reply that could not be read is asked for again.
    """

    prompt: str
    prompt_hash: str
    system: str
    user: str
    schema: dict[str, Any] | None = field(default=None, hash=False)
    max_tokens: int = 1024
    seed: int = 0
    attempt: int = 1

    def key(self, model: str) -> str:
        """SHA-256 of everything that the reply depends on, in hexadecimal digits."""
        whole = json.dumps({"model": model, **asdict(self)}, sort_keys=True, ensure_ascii=False)
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
    """

    text: str
    input_tokens: int = 0
    output_tokens: int = 0
    model: str = ""
    endpoint: str = ""


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
            JudgeError: This request got none, however often it was tried.
            InputError: The endpoint cannot be used at all.
        """
        ...


class OpenAIClient:
    """A model behind an OpenAI-compatible endpoint (needs `openai`): hosted, vLLM, Ollama, llama.cpp, LM Studio.

    Where an endpoint refuses a JSON schema (status 400), a JSON object is asked for, and at last plain text.

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
                "a judge behind an endpoint needs openai", mend="pip install 'facevlm[judge]'"
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
                    raise JudgeError(str(error), where=self.endpoint) from error
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
        try:
            return self._client.chat.completions.create(
                model=self.model,
                messages=[{"role": "system", "content": request.system}, {"role": "user", "content": request.user}],
                temperature=0,
                top_p=1,
                seed=request.seed,
                max_tokens=request.max_tokens,
                response_format=formats[kind](),
            )
        except (api.AuthenticationError, api.PermissionDeniedError, api.NotFoundError) as error:
            what = f"refused with status {error.status_code}: {_one_line(error.message)}"
            raise InputError(what, where=self.endpoint, mend="check the key, the URL and the model's name") from error
        except api.BadRequestError as error:
            if request.schema is None:
                raise JudgeError(f"status 400: {_one_line(error.message)}", where=self.endpoint) from error
            raise _RefusedError(f"status 400: {_one_line(error.message)}") from error
        except api.APITimeoutError as error:
            raise JudgeError("no reply in time", where=self.endpoint) from error
        except api.APIConnectionError as error:
            mend = "start the server or check the URL, then run again; replies that came are kept"
            raise InputError("cannot be reached", where=self.endpoint, mend=mend) from error
        except api.APIStatusError as error:
            raise JudgeError(f"status {error.status_code}: {_one_line(error.message)}", where=self.endpoint) from error
        except (api.APIError, ValueError) as error:
            raise JudgeError("the reply is no chat completion", where=self.endpoint) from error

    def _read(self, completion: Any) -> ModelReply:
        try:
            text = completion.choices[0].message.content
            usage = completion.usage
            tokens = (int(usage.prompt_tokens or 0), int(usage.completion_tokens or 0)) if usage else (0, 0)
        except (AttributeError, IndexError, TypeError, ValueError) as error:
            raise JudgeError("the reply is no chat completion", where=self.endpoint) from error
        text = text.encode("utf-8", "replace").decode() if isinstance(text, str) else ""  # lone surrogates, as kept
        return ModelReply(text, *tokens, model=str(completion.model or ""), endpoint=self.endpoint)


class _RefusedError(Exception):
    """The endpoint refuses the request as it is: status 400."""


def _one_line(message: str) -> str:
    text = " ".join(str(message).split())
    return text[:120] + " …" if len(text) > 120 else text
