"""Prompts: their files, their fields, their hashes."""

import pytest

from facevlm.errors import InputError, UsageError
from facevlm.prompts import load_prompt, parse_prompt, prompt_names

PLAIN = '[system]\nYou judge.\n[user]\nRate $caption as {"score": 1}.\n'


@pytest.mark.parametrize("name", prompt_names())
def test_every_prompt_can_be_filled(name):
    prompt = load_prompt(name)
    _, user = prompt.fill(**{field: f"<{field}>" for field in prompt.fields})
    assert "$" not in user and all(f"<{field}>" in user for field in prompt.fields)


def test_braces_and_dollars_of_values_stay():
    assert parse_prompt("p", PLAIN).fill(caption="{$x}")[1] == 'Rate {$x} as {"score": 1}.'


WRONG = {"a field is missing": ({}, "no value"), "one is not used": ({"caption": "a", "tone": "b"}, "no field 'tone'")}


@pytest.mark.parametrize("situation", WRONG)
def test_fields_must_agree(situation):
    fields, told = WRONG[situation]
    with pytest.raises(UsageError, match=told):
        parse_prompt("p", PLAIN).fill(**fields)


@pytest.mark.parametrize("text", ["", "Rate it.", "[system]\nYou.\n", "[system]\nYou\n[user]\ncosts 5$ today\n"])
def test_files_of_another_form_are_refused(text):
    with pytest.raises(InputError):
        parse_prompt("p", text)


def test_the_hash_changes_with_the_text_and_unknown_names_are_refused():
    assert parse_prompt("p", PLAIN).hash != parse_prompt("p", PLAIN + "\n").hash
    with pytest.raises(UsageError, match="tem_events"):
        load_prompt("tem_event")
