"""Load public weights into our modules by a table of names: strictly, tensor by tensor, with a report of all it did."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from facevlm.errors import WeightsError

LISTED = 5  # names in an error message


@dataclass(frozen=True)
class Rule:
    r"""One row of a table.

    Attributes:
        name: Regular expression for a whole public name, without the part's wrapper.
        here: Name in our module, with groups as \1; several where the rows are split evenly between them; None for
            what is dropped on purpose.
    """

    name: str
    here: str | tuple[str, ...] | None


@dataclass(frozen=True)
class Part:
    """The table of one part of a model.

    Attributes:
        wrapper: Regular expression for what may stand before the part's names, as other classes wrapped it.
        belongs: Regular expression for the beginnings of the part's names; others are other parts of the file.
        rules: Tried in order; the first that fits decides. A name of the part that none fits is an error.
    """

    wrapper: str
    belongs: str
    rules: tuple[Rule, ...]

    def find(self, name: str) -> tuple[str, ...] | None:
        """Our names for a public one: none where it is dropped; None where it belongs to another part.

        Raises:
            KeyError: It belongs to this part, but no rule fits.
        """
        bare = re.sub(rf"^(?:{self.wrapper})", "", name)
        if not re.match(self.belongs, bare):
            return None
        for rule in self.rules:
            if match := re.fullmatch(rule.name, bare):
                here = () if rule.here is None else (rule.here,) if isinstance(rule.here, str) else rule.here
                return tuple(match.expand(each) for each in here)
        raise KeyError(name)


@dataclass(frozen=True)
class LoadReport:
    """What loading did.

    Attributes:
        loaded: Public name -> our names.
        dropped: Public names that the table drops on purpose.
        elsewhere: Public names of other parts in the same file.
        missing: Our names that kept their values, as the caller allowed.
    """

    loaded: dict[str, tuple[str, ...]]
    dropped: tuple[str, ...]
    elsewhere: tuple[str, ...]
    missing: tuple[str, ...]


def load_weights(
    module: nn.Module, weights: Mapping[str, Tensor], part: Part, *, source: object = None, allow_missing: str = ""
) -> LoadReport:
    """Copy public weights into a module, in the module's dtype and on its device.

    Args:
        module: One of ours, whose names the part's table gives.
        weights: Public name -> tensor, read when asked for (see `open_checkpoint`).
        part: The table.
        source: Where the weights are from, for messages.
        allow_missing: Regular expression for whole names of ours that the file need not have.

    Raises:
        WeightsError: A name that the table does not know, one of ours that nothing fills, two that fill the same, or a
            tensor of another shape. The module is then partly filled and should not be used.
    """
    found: dict[str, tuple[str, ...]] = {}
    elsewhere, unknown = [], []
    for name in weights:
        try:
            here = part.find(name)
        except KeyError:
            unknown.append(name)
            continue
        if here is None:
            elsewhere.append(name)
        else:
            found[name] = here
    own = module.state_dict()
    filled = [here for names in found.values() for here in names]
    missing = [name for name in own if name not in set(filled)]
    problems = {
        "has names that the table does not know": unknown,
        "has names for which the model has no place": [here for here in filled if here not in own],
        "fills twice": sorted({here for here in filled if filled.count(here) > 1}) if _repeats(filled) else [],
        "lacks": [name for name in missing if not re.fullmatch(allow_missing, name)],
    }
    _refuse(problems, source)
    shapes = [
        problem for name, here in found.items() if (problem := _copy(weights[name], [own[h] for h in here], name))
    ]
    _refuse({"has other shapes": shapes}, source)
    return LoadReport(
        loaded={name: here for name, here in found.items() if here},
        dropped=tuple(name for name, here in found.items() if not here),
        elsewhere=tuple(elsewhere),
        missing=tuple(missing),
    )


def _repeats(names: list[str]) -> bool:
    return len(set(names)) < len(names)


def _copy(public: Tensor, own: list[Tensor], name: str) -> str | None:
    """Fill ours with the rows of a public tensor; says what is wrong where they do not fit."""
    rows = sum(len(tensor) for tensor in own) if own else 0
    if own and (len(public) != rows or public.shape[1:] != own[0].shape[1:]):
        return f"{name} {tuple(public.shape)} for {(rows, *own[0].shape[1:])}"
    with torch.no_grad():
        for tensor, part in zip(own, public.split([len(t) for t in own]) if own else (), strict=True):
            tensor.copy_(part)
    return None


def _refuse(problems: Mapping[str, list[str]], source: object) -> None:
    told = [
        f"{what} {', '.join(names[:LISTED])}" + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")
        for what, names in problems.items()
        if names
    ]
    if told:
        raise WeightsError("; ".join(told), where=source, mend="is it the checkpoint of this part and size?")
