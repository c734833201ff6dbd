"""An OpenAI-compatible server on loopback that replies by a script: for tests of clients, with errors and delays."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

LARGEST_REQUEST = 64 << 20  # bytes; pictures are sent inside


@dataclass(frozen=True)
class Answer:
    """What the server does with one request.

    Attributes:
        text: Content of the message, with status 200.
        status: Other than 200: an error.
        delay: Seconds to wait before.
        body: Sent in place of a chat completion: garbage.
    """

    text: str = ""
    status: int = 200
    delay: float = 0.0
    body: str | None = None


Script = Callable[[dict[str, Any]], Answer | str]


class ScriptedServer:
    """Serves `/v1/chat/completions` on a free port of 127.0.0.1, as a context manager.

    Args:
        script: The answer to the JSON body of a request; called from one thread at a time.
        models: Names it knows, others get status 404; None for all.
    """

    def __init__(self, script: Script, *, models: tuple[str, ...] | None = None) -> None:
        self.requests: list[dict[str, Any]] = []
        lock = threading.Lock()

        def answer(body: dict[str, Any]) -> Answer:
            with lock:
                self.requests.append(body)
                if models is not None and body.get("model") not in models:
                    return Answer(status=404)
                found = script(body)
            return found if isinstance(found, Answer) else Answer(found)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(answer))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def base_url(self) -> str:
        """What a client is given."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(answer: Callable[[dict[str, Any]], Answer]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            if self.path != "/v1/chat/completions" or not 0 < length <= LARGEST_REQUEST:
                self._send(404, json.dumps({"error": {"message": "no such thing"}}))
                return
            try:
                body = json.loads(self.rfile.read(length))
            except ValueError:
                self._send(400, json.dumps({"error": {"message": "no JSON"}}))
                return
            done = answer(body)
            time.sleep(done.delay)
            if done.body is not None:
                self._send(done.status, done.body)
            elif done.status != 200:
                self._send(done.status, json.dumps({"error": {"message": f"scripted status {done.status}"}}))
            else:
                self._send(200, json.dumps(_completion(body, done.text)))

        def _send(self, status: int, text: str) -> None:
            data = text.encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.send_header("retry-after-ms", "1")  # tests need not wait for the backoff
                self.end_headers()
                self.wfile.write(data)
            except OSError:  # the client has given up waiting
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


def _completion(body: dict[str, Any], text: str) -> dict[str, Any]:
    asked = sum(len(str(message.get("content", "")).split()) for message in body.get("messages", []))
    told = len(text.split())
    return {
        "id": "scripted",
        "object": "chat.completion",
        "created": 0,
        "model": body.get("model", ""),
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": asked, "completion_tokens": told, "total_tokens": asked + told},
    }
