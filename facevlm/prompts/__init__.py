"""Every prompt that is sent to a language model: one text file each, its fields checked, its hash in every record.

A file has two parts, `[system]` and `[user]`. Fields are written `$caption`; braces are free for JSON.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import Template

from facevlm.errors import InputError, UsageError


@dataclass(frozen=True)
class Prompt:
    """A prompt with fields to fill in.

    Attributes:
        name: Of its file, without suffix.
        system: Text of the system message.
        user: Text of the user message.
        hash: SHA-256 of the file's text.
    """

    name: str
    system: str
    user: str
    hash: str

    @property
    def fields(self) -> frozenset[str]:
        """Names of the fields of both parts."""
        return frozenset(Template(self.system).get_identifiers() + Template(self.user).get_identifiers())

    def fill(self, **fields: str) -> tuple[str, str]:
        """System and user message with the fields filled in.

        Raises:
            UsageError: A field is missing, or one is given that the prompt does not use.
        """
        if missing := sorted(self.fields - fields.keys()):
            raise UsageError(f"no value for the field {missing[0]!r}", where=f"prompt {self.name}")
        if unused := sorted(fields.keys() - self.fields):
            raise UsageError(f"has no field {unused[0]!r}", where=f"prompt {self.name}")
        return Template(self.system).substitute(fields), Template(self.user).substitute(fields)


def parse_prompt(name: str, text: str) -> Prompt:
    """A prompt from the text of its file.

    Raises:
        InputError: It has not the two parts, or a `$` that is no field.
    """
    start, _, rest = text.partition("[system]\n")
    system, found, user = rest.partition("\n[user]\n")
    if start.strip() or not found or not user.strip():
        raise InputError("has not the parts [system] and [user]", where=f"prompt {name}")
    if not (Template(system).is_valid() and Template(user).is_valid()):
        raise InputError("has a $ that is no field", where=f"prompt {name}", mend="write $$ for the sign itself")
    return Prompt(name, system.strip(), user.strip(), hashlib.sha256(text.encode()).hexdigest())


@cache
def load_prompt(name: str) -> Prompt:
    """A prompt of this package by the name of its file.

    Raises:
        UsageError: No such prompt.
    """
    place = files("facevlm.prompts").joinpath(f"{name}.txt")
    if not place.is_file():
        raise UsageError(f"no prompt {name!r}", mend=f"choose among {', '.join(prompt_names())}")
    return parse_prompt(name, place.read_text(encoding="utf-8"))


def prompt_names() -> tuple[str, ...]:
    """All prompts of this package."""
    return tuple(sorted(p.name[:-4] for p in files("facevlm.prompts").iterdir() if p.name.endswith(".txt")))
