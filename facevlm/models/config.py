"""From the plain dicts of a saved model to the configs of its boxes, strictly."""

from collections.abc import Mapping
from dataclasses import fields
from difflib import get_close_matches
from typing import Any, TypeVar

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


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
