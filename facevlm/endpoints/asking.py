"""Ask a model and read its reply: at most three tries, then it is a failure, never a score."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from facevlm.endpoints.model_client import ModelClient, ModelRequest
from facevlm.errors import ReplyError
from facevlm.prompts import load_prompt

ATTEMPTS = 3
Read = TypeVar("Read")


def ask(
    client: ModelClient,
    prompt: str,
    *,
    fields: Mapping[str, str],
    parse: Callable[[str], Read],
    schema: dict[str, Any] | None = None,
    max_tokens: int = 1024,
    seed: int = 0,
) -> Read:
    """What a model replies to a prompt, as `parse` reads it.

    After a reply that cannot be read the model is asked again, with a line that says why.

    Args:
        client: Whom to ask.
        prompt: Name of a prompt of this package.
        fields: What is filled into the prompt.
        parse: Reads the text of the reply; raises ReplyError where it cannot.
        schema: JSON schema of the reply, None for plain text.
        max_tokens: Longest reply.
        seed: Sent along.

    Raises:
        ReplyError: No reply, or none that can be read.
    """
    template = load_prompt(prompt)
    system, user = template.fill(**fields)
    text = user
    for attempt in range(1, ATTEMPTS + 1):
        request = ModelRequest(prompt, template.hash, system, text, schema, max_tokens, seed, attempt)
        reply = client.ask(request)
        try:
            return parse(reply.text)
        except ReplyError as error:
            unread = error
            text = f"{user}\n\nYour last reply could not be read: {unread.what}. Reply in the form asked for alone."
    what = f"{unread.what}, in {ATTEMPTS} replies to {prompt}"
    raise ReplyError(what, where=unread.where)
