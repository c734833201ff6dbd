"""Golden files of networks: weights stored or by recipe, outputs by name and slice, statistics of whole tensors."""

import json
import os
import re
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from tests.models.public_layouts import Layout
from tests.parity.golden import Golden

if "PYTEST_XDIST_WORKER" in os.environ:  # the workers have the cores
    torch.set_num_threads(1)


def config(golden: Golden) -> dict:
    """The file's reduced sizes; empty for a file of real sizes."""
    return json.loads(golden.metadata.get("config", "{}"))


def is_full(golden: Golden) -> bool:
    """Whether the weights are by recipe alone."""
    return not any(key.startswith("weights.") for key in golden.keys)


class Weights(Mapping[str, Tensor]):
    """The weights of a file by their public names, made or read when asked for.

    Args:
        golden: The file.
        layout: Public names and shapes, for weights by recipe.
    """

    def __init__(self, golden: Golden, layout: Layout) -> None:
        self._golden, self._layout = golden, layout
        self._stored = {key.removeprefix("weights.") for key in golden.keys if key.startswith("weights.")}

    def __getitem__(self, name: str) -> Tensor:
        if self._stored:
            return torch.from_numpy(np.asarray(self._golden.input(f"weights.{name}")))
        return torch.from_numpy(np.asarray(self._golden.weight(name, self._layout[name])))

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._stored or self._layout))

    def __len__(self) -> int:
        return len(self._stored or self._layout)


def given(golden: Golden, name: str, shape: tuple[int, ...] = ()) -> Tensor:
    """An input: stored, or by recipe; its shape stands in the recipe, unless that leaves it to the config."""
    key = f"input.{name}"
    if key in golden.keys:
        return torch.from_numpy(np.asarray(golden.input(key)))
    match = re.search(rf"{re.escape(key)}'\s*,\s*\(([\d,\s]+)\)", golden.metadata.get("input_recipe", ""))
    told = tuple(int(number) for number in match[1].split(",") if number.strip()) if match else shape
    return torch.from_numpy(np.asarray(golden.randn(key, told)))


def compare_outputs(golden: Golden, outputs: Mapping[str, Tensor], *, atol: float | None = None) -> None:
    """Compare every `output.<name>[slice]` and `stats.<name>` whose name is among the outputs."""
    tolerance = 5e-4 if is_full(golden) else 1e-4
    for key in sorted(golden.keys):
        match = re.fullmatch(r"(output|stats)\.([\w.]+)(?:\[([\d:,\s]+)\])?", key)
        if not match or match[2] not in outputs:
            continue
        tensor = outputs[match[2]].detach().double()
        if match[1] == "stats":
            golden.compare(key, statistics(tensor), atol=1e-4, rtol=1e-5)
        else:
            part = tensor[slices(match[3])] if match[3] else tensor
            golden.compare(key, part.numpy(), atol=tolerance if atol is None else atol, rtol=tolerance)


def statistics(tensor: Tensor) -> np.ndarray:
    """Mean, unbiased standard deviation, largest magnitude, L2 norm."""
    values = (tensor.mean(), tensor.std(), tensor.abs().max(), tensor.norm())
    return np.array([float(value) for value in values])


def slices(text: str) -> tuple[slice | int, ...]:
    """What stands in the brackets of a key: ":,::3,1::5"."""

    def one(part: str) -> slice | int:
        if ":" not in part:
            return int(part)
        return slice(*(int(number) if number else None for number in part.split(":")))

    return tuple(one(part.strip()) for part in text.split(","))
