"""Configs of boxes, strictly: from the plain dicts of a saved model, and only with choices that exist."""

from collections.abc import Mapping
from dataclasses import fields
from difflib import get_close_matches
from inspect import get_annotations
from typing import Any, Literal, TypeVar, get_args, get_origin

from facevlm.errors import UsageError

C = TypeVar("C")


def box_config(kind: type[C], values: Mapping[str, Any], **derived: Any) -> C:
    """Build a box's config.

    Args:
        kind: One of the boxes' dataclasses.
        values: Its fields as JSON has them; those left out keep their defaults.
        derived: Fields that follow from other boxes, which `values` must not contradict.

    Raises:
        UsageError: No such field, or one that contradicts another box.
    """
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    for name, value in values.items():
        if name not in known:
            near = get_close_matches(name, known, 1)
            mend = f"did you mean {near[0]}?" if near else f"choose among {', '.join(known)}"
            raise UsageError(f"{kind.__name__} has no field {name!r}", mend=mend)
        if name in derived and _plain(value) != _plain(derived[name]):
            raise UsageError(f"{kind.__name__}.{name} is {value}, but the other parts need {derived[name]}")
    return kind(**{name: _plain(value) for name, value in {**values, **derived}.items()})


def check_choices(config: object) -> None:
    """Refuse what none of a config's own `Literal` fields offers.

    Raises:
        UsageError: A field has another value than its choices.
    """
    for name, kind in get_annotations(type(config)).items():
        if get_origin(kind) is Literal and getattr(config, name) not in get_args(kind):
            choices = ", ".join(repr(choice) for choice in get_args(kind))
            what = f"{type(config).__name__}.{name} is {getattr(config, name)!r}"
            raise UsageError(what, mend=f"choose among {choices}")


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
