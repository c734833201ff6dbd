"""The model client against a scripted server on loopback: errors, garbage, delays, formats; cache and budget."""

import json
import sys
import threading

import pytest

from facevlm.endpoints.model_client import ModelRequest, OpenAIClient
from facevlm.endpoints.reply_cache import Budget, CachedClient
from facevlm.endpoints.scripted_client import ScriptedClient
from facevlm.endpoints.scripted_server import Answer, ScriptedServer
from facevlm.errors import BudgetError, InputError, MissingExtraError, ReplyError, UsageError

pytest.importorskip("openai", reason="needs the extra openai")

REQUEST = ModelRequest("p", "0", "You judge.", "Rate it.", {"type": "object"})
PLAIN = ModelRequest("p", "0", "You judge.", "Rewrite it.")


def client(server, **options):
    return OpenAIClient("m", base_url=server.base_url, **({"timeout": 5, "retries": 2} | options))


def in_turn(*answers):
    """Each once, the last one again and again."""
    left = list(answers)
    return lambda body: left.pop(0) if len(left) > 1 else left[0]


def test_what_is_sent():
    with ScriptedServer(in_turn("fine")) as server:
        reply = client(server).ask(REQUEST)
    (body,) = server.requests
    assert (reply.text, reply.model, reply.output_tokens) == ("fine", "m", 1) and reply.input_tokens == 4
    assert (body["temperature"], body["top_p"], body["seed"], body["max_tokens"]) == (0, 1, 0, 1024)
    assert body["response_format"]["json_schema"]["schema"] == {"type": "object"}
    assert [message["role"] for message in body["messages"]] == ["system", "user"]


RECOVERS = {
    "too many requests, then an answer": (Answer(status=429), Answer("fine")),
    "two server errors, then an answer": (Answer(status=500), Answer(status=503), Answer("fine")),
    "too slow, then an answer": (Answer("late", delay=5), Answer("fine")),
}


@pytest.mark.parametrize("situation", RECOVERS)
def test_tries_again(situation):
    answers = RECOVERS[situation]
    with ScriptedServer(in_turn(*answers)) as server:
        assert client(server, timeout=0.3).ask(REQUEST).text == "fine"
    assert len(server.requests) == len(answers)


FAILS = {
    "too many requests": (Answer(status=429), ReplyError, "status 429", 3),
    "server error": (Answer(status=500), ReplyError, "status 500", 3),
    "too slow": (Answer("late", delay=5), ReplyError, "no reply in time", 3),
    "garbage": (Answer(body="<html>busy</html>"), ReplyError, "no chat completion", 1),
    "JSON that is no completion": (Answer(body='{"choices": []}'), ReplyError, "no chat completion", 1),
    "a number": (Answer(body="7"), ReplyError, "no chat completion", 1),
    "wrong key": (Answer(status=401), InputError, "check the key", 1),
    "no such model": (Answer(status=404), InputError, "check the key", 1),
    "a request that it cannot take": (Answer(status=400), ReplyError, "status 400", 3),  # in each of three formats
}


@pytest.mark.parametrize("situation", FAILS)
def test_gives_up_with_a_reason(situation):
    answer, error, told, tries = FAILS[situation]
    with ScriptedServer(in_turn(answer)) as server, pytest.raises(error, match=told):
        client(server, timeout=0.2 if answer.delay else 5).ask(REQUEST)
    assert len(server.requests) == tries


def test_a_closed_port_stops_the_run():
    with ScriptedServer(in_turn("fine")) as server:
        closed = client(server, retries=0)
    with pytest.raises(InputError, match="cannot be reached"):
        closed.ask(REQUEST)


def test_formats_that_are_refused_are_not_tried_again():
    def script(body):
        return Answer(status=400) if body.get("response_format", {}).get("type") == "json_schema" else "fine"

    with ScriptedServer(script) as server:
        asked = client(server)
        assert asked.ask(REQUEST).text == asked.ask(REQUEST).text == asked.ask(PLAIN).text == "fine"
    kinds = [body.get("response_format", {}).get("type") for body in server.requests]
    assert kinds == ["json_schema", "json_object", "json_object", None]


def refusing(*settings):
    """Status 400 for the first of these settings that is sent, in the words of hosted endpoints."""

    def script(body):
        for name in settings:
            if name in body:
                told = f"Unsupported parameter: '{name}' is not supported with this model."
                error = {"error": {"message": told, "param": name if name != "seed" else None}}
                return Answer(status=400, body=json.dumps(error))
        return "fine"

    return script


def test_settings_that_are_refused_are_left_out_from_then_on(tmp_path):
    with ScriptedServer(refusing("max_tokens", "temperature", "seed")) as server:
        asked = CachedClient(client(server), tmp_path)
        replies = [asked.ask(request) for request in (REQUEST, PLAIN)]
    assert [reply.left_out for reply in replies] == [("max_tokens", "seed", "temperature")] * 2
    assert len(server.requests) == 5 and server.requests[-1]["max_completion_tokens"] == 1024
    assert not {"max_tokens", "temperature", "seed"} & server.requests[-1].keys() and server.requests[-1]["top_p"] == 1
    assert CachedClient(None, tmp_path, model="m").ask(PLAIN).left_out == replies[1].left_out


def test_a_reply_without_text_is_empty():
    body = (
        '{"id": "", "object": "chat.completion", "created": 0, "model": "m", "choices": [{"index": 0, "message": {}}]}'
    )
    with ScriptedServer(in_turn(Answer(body=body))) as server:
        assert client(server).ask(REQUEST).text == ""


def test_the_key_is_sent_and_written_nowhere(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "very-secret")
    with ScriptedServer(in_turn("fine")) as server:
        CachedClient(client(server), tmp_path).ask(REQUEST)
    assert not any("very-secret" in path.read_text() for path in tmp_path.rglob("*.json"))


@pytest.mark.parametrize("url", ["localhost:8000/v1", "file:///etc/passwd", "http://"])
def test_what_is_no_url_is_refused(url):
    with pytest.raises(UsageError):
        OpenAIClient("m", base_url=url)


def test_without_the_extra_the_pip_line_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(MissingExtraError, match=r"facevlm\[openai\]"):
        OpenAIClient("m")


def test_replies_are_kept_and_replayed(tmp_path):
    asked = CachedClient(ScriptedClient(["one"], model="m"), tmp_path)
    assert asked.ask(REQUEST).text == asked.ask(REQUEST).text == "one" and asked.asked == 1
    replayed = CachedClient(None, tmp_path, model="m")
    assert replayed.ask(REQUEST).text == "one" and replayed.used == asked.used and replayed.asked == 0
    with pytest.raises(ReplyError, match="no reply is kept"):
        replayed.ask(PLAIN)
    with pytest.raises(ReplyError, match="no reply is kept"):
        CachedClient(None, tmp_path, model="other").ask(REQUEST)


def test_a_damaged_reply_is_told(tmp_path):
    CachedClient(ScriptedClient(["one"], model="m"), tmp_path).ask(REQUEST)
    (place,) = tmp_path.rglob("*.json")
    place.write_text("{")
    with pytest.raises(InputError, match="delete it"):
        CachedClient(None, tmp_path, model="m").ask(REQUEST)


def test_what_is_asked_at_once_is_asked_once(tmp_path):
    asked = CachedClient(ScriptedClient(lambda request: "one", model="m"), tmp_path)
    threads = [threading.Thread(target=asked.ask, args=(REQUEST,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asked.asked == 1


BUDGETS = {"tokens": Budget(max_tokens=9), "cost": Budget(max_cost=8e-6, input_price=1.0, output_price=2.0)}


@pytest.mark.parametrize("limit", BUDGETS)
def test_a_spent_budget_asks_no_more_but_reads_what_is_kept(limit, tmp_path):
    requests = [ModelRequest("p", "0", "You judge.", f"Rate {n}.") for n in range(3)]
    scripted = ScriptedClient(lambda request: "one", model="m")  # four tokens asked, one told
    asked = CachedClient(scripted, tmp_path, budget=BUDGETS[limit])
    assert [asked.ask(request).text for request in requests[:2]] == ["one", "one"]
    with pytest.raises(BudgetError, match="run again"):
        asked.ask(requests[2])
    assert asked.ask(requests[0]).text == "one" and len(scripted.requests) == 2
