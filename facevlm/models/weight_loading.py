"""Load public weights into our modules by a table of names: strictly, tensor by tensor, with a report of all it did."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
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


CONVERTED = Part(wrapper="", belongs="", rules=(Rule(r"(.+)", r"\1"),))  # of files that have our names already


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
    own = module.state_dict()
    report = match_names(weights, own, part, source=source, allow_missing=allow_missing)
    check_shapes(report, {name: weights[name].shape for name in report.loaded}, own, source=source)
    with torch.no_grad():
        for name, here in report.loaded.items():
            for ours, rows in zip(here, weights[name].split([len(own[h]) for h in here]), strict=True):
                own[ours].copy_(rows)
    return report


def match_names(
    public: Iterable[str], own: Collection[str], part: Part, *, source: object = None, allow_missing: str = ""
) -> LoadReport:
    """Which public name fills which of ours, without looking at a tensor.

    Args:
        public: Names in the file.
        own: Names of our module.
        part: The table; where the file has our own names, as `facevlm models convert` writes them, it is not needed.
        source: Where the names are from, for messages.
        allow_missing: Regular expression for whole names of ours that the file need not have.

    Raises:
        WeightsError: A name that the table does not know, one of ours that nothing fills, or two that fill the same.
    """
    public = list(public)
    part = CONVERTED if set(public) == set(own) else part
    found: dict[str, tuple[str, ...]] = {}
    elsewhere, unknown = [], []
    for name in public:
        try:
            here = part.find(name)
        except KeyError:
            unknown.append(name)
            continue
        if here is None:
            elsewhere.append(name)
        else:
            found[name] = here
    filled = Counter(here for names in found.values() for here in names)
    missing = [name for name in own if name not in filled]
    problems = {
        "has names that the table does not know": unknown,
        "has names for which the model has no place": [here for here in filled if here not in own],
        "fills twice": sorted(here for here, times in filled.items() if times > 1),
        "lacks": [name for name in missing if not re.fullmatch(allow_missing, name)],
    }
    _refuse(problems, source)
    return LoadReport(
        loaded={name: here for name, here in found.items() if here},
        dropped=tuple(name for name, here in found.items() if not here),
        elsewhere=tuple(elsewhere),
        missing=tuple(missing),
    )


def check_shapes(
    report: LoadReport, public: Mapping[str, Sequence[int]], own: Mapping[str, Tensor], *, source: object = None
) -> None:
    """Refuse public tensors that do not fit ours.

    Args:
        report: Which fills which.
        public: Shapes of the public tensors.
        own: Our tensors.
        source: Where the public ones are from, for messages.

    Raises:
        WeightsError: Some do not fit.
    """
    told = [misfit(name, public[name], [own[h].shape for h in here]) for name, here in report.loaded.items()]
    _refuse({"has other shapes": [problem for problem in told if problem]}, source)


def misfit(name: str, public: Sequence[int], own: Sequence[Sequence[int]]) -> str | None:
    """What is wrong where a public tensor's rows do not fill ours, given the shapes of both."""
    wanted = (sum(shape[0] for shape in own), *own[0][1:]) if own and own[0] else ()
    return None if tuple(public) == wanted else f"{name} {tuple(public)} for {wanted}"


def _refuse(problems: Mapping[str, list[str]], source: object) -> None:
    told = [
        f"{what} {', '.join(names[:LISTED])}" + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")
        for what, names in problems.items()
        if names
    ]
    if told:
        raise WeightsError("; ".join(told), where=source, mend="is it the checkpoint of this part and size?")
