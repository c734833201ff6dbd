"""Every reply of a model kept on disk, by the hash of its request: nothing is asked twice, and runs replay offline."""

import json
import threading
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

from facevlm.endpoints.model_client import ModelClient, ModelReply, ModelRequest
from facevlm.errors import BudgetError, InputError, OutputError, ReplyError
from facevlm.exports.atomic_file import write_text


@dataclass(frozen=True)
class Budget:
    """What the replies of one run may cost at most; those kept from earlier runs are free.

    When it is spent nothing more is asked. Requests that are under way then are still answered and kept, so it may be
    exceeded by as many replies as run at a time.

    Attributes:
        max_tokens: Tokens of requests and replies together, None for no limit.
        max_cost: In the currency of the prices, None for no limit.
        input_price: Of a million tokens of requests.
        output_price: Of a million tokens of replies.
    """

    max_tokens: int | None = None
    max_cost: float | None = None
    input_price: float = 0.0
    output_price: float = 0.0

    def cost(self, input_tokens: int, output_tokens: int) -> float:
        """What so many tokens cost."""
        return (input_tokens * self.input_price + output_tokens * self.output_price) / 1e6


class CachedClient:
    """Answers from a folder of replies, and asks the model only for what is not there.

    A request that two threads make at once is asked once, so that a run depends on one reply for each.

    Args:
        client: Whom to ask; None to replay, where a reply that is not there is an error.
        folder: Of the replies, `KEY[:2]/KEY.json`; made when needed.
        model: Which model the replies are of; by default the client's.
        budget: Of this run.
    """

    def __init__(
        self,
        client: ModelClient | None,
        folder: str | Path,
        *,
        model: str | None = None,
        budget: Budget | None = None,
    ) -> None:
        self._client = client
        self._folder = Path(folder)
        self.model = model or (client.model if client else "")
        self.endpoint = client.endpoint if client else ""
        self._budget = budget or Budget()
        self._guard = threading.Lock()
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._used: dict[str, ModelReply] = {}
        self._new: list[ModelReply] = []

    @property
    def asked(self) -> int:
        """Replies that the model gave in this run."""
        return len(self._new)

    @property
    def used(self) -> tuple[ModelReply, ...]:
        """The replies that this run depends on, new or kept, in the order of their keys."""
        with self._guard:
            return tuple(self._used[key] for key in sorted(self._used))

    def ask(self, request: ModelRequest) -> ModelReply:
        """The reply to a request, kept or new.

        Raises:
            ReplyError: The model gave none, or none is kept and this is a replay.
            BudgetError: The budget is spent.
            InputError: A kept reply cannot be read, or the endpoint cannot be used.
            OutputError: The reply cannot be kept.
        """
        key = request.key(self.model)
        with self._guard:
            lock = self._locks[key]
        with lock:
            reply = self._kept(key)
            if reply is None:
                reply = self._ask(request)
                self._keep(key, request, reply)
        with self._guard:
            self._used[key] = reply
        return reply

    def _ask(self, request: ModelRequest) -> ModelReply:
        if self._client is None:
            raise ReplyError("no reply is kept for this request", where=self._folder, mend="run without --replay")
        self._check_budget()
        reply = self._client.ask(request)
        with self._guard:
            self._new.append(reply)
        return reply

    def _check_budget(self) -> None:
        with self._guard:
            tokens = sum(r.input_tokens for r in self._new), sum(r.output_tokens for r in self._new)
        mend = "run again with a new budget to go on; replies that came are kept"
        if self._budget.max_tokens is not None and sum(tokens) >= self._budget.max_tokens:
            raise BudgetError(f"the budget of {self._budget.max_tokens} tokens is spent", where=self.model, mend=mend)
        if self._budget.max_cost is not None and self._budget.cost(*tokens) >= self._budget.max_cost:
            raise BudgetError(f"the budget of {self._budget.max_cost:g} is spent", where=self.model, mend=mend)

    def _place(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.json"

    def _kept(self, key: str) -> ModelReply | None:
        place = self._place(key)
        try:
            row = json.loads(place.read_text(encoding="utf-8"))["reply"]
            tokens = int(row["input_tokens"]), int(row["output_tokens"])
            left_out = tuple(map(str, row.get("left_out", ())))
            return ModelReply(str(row["text"]), *tokens, str(row["model"]), str(row["endpoint"]), left_out)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError("is no kept reply", where=place, mend="delete it, it is asked for again") from error

    def _keep(self, key: str, request: ModelRequest, reply: ModelReply) -> None:
        place = self._place(key)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise OutputError(f"cannot be made: {reason}", where=place.parent) from error
        record = {
            "model": self.model,
            "request": request.as_record(),
            "reply": asdict(reply),
        }
        write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", place)
