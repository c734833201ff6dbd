"""Files of weights, safely: safetensors, one or in shards, read and written; of `torch.save` only plain tensors, read.

Tensors are read from the file when they are asked for; what a file holds beyond them is never brought into memory.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from facevlm.errors import OutputError, WeightsError

PICKLES = (".pt", ".pth", ".bin", ".ckpt")


def open_checkpoint(path: str | Path, *, entry: str | Sequence[str] = ()) -> Mapping[str, Tensor]:
    """The tensors of a file by name.

    Args:
        path: A .safetensors file, the .json index of one in shards, or a .pt, .pth, .bin or .ckpt file of `torch.save`.
        entry: Entry of a `torch.save` file under which the tensors are, such as "state_dict_backbone", or several of
            which the first there is taken; others are neither kept nor read. A file that holds tensors and no such
            entry is taken as it is.

    Raises:
        WeightsError: The file is missing or damaged, holds more than plain tensors, or lacks the entry.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError("there is no such file of weights", where=path)
    if path.suffix == ".json":
        return _sharded(path)
    if path.suffix == ".safetensors":
        return _Lazy({path: None})
    if path.suffix in PICKLES:
        return _pickled(path, (entry,) if isinstance(entry, str) else entry)
    raise WeightsError("files of weights end in .safetensors, .json or " + ", ".join(PICKLES), where=path)


def shape_of(weights: Mapping[str, Tensor], name: str) -> tuple[int, ...]:
    """Shape of a tensor of `open_checkpoint`, without reading it."""
    return weights.shape(name) if isinstance(weights, _Lazy) else tuple(weights[name].shape)


def files_of(path: Path) -> list[Path]:
    """The files that hold the tensors of a checkpoint: itself, or the shards of an index."""
    return sorted(_shards(path)) if path.suffix == ".json" else [path]


def write_safetensors(tensors: dict[str, Tensor], path: Path, *, facts: Mapping[str, str] | None = None) -> None:
    """Write tensors as one safetensors file that transformers reads.

    Args:
        tensors: Name -> tensor, contiguous, none sharing memory with another.
        path: The file, readable by whom new files are readable.
        facts: Texts to keep in its header.

    Raises:
        OutputError: The file cannot be written.
    """
    try:
        save_file(tensors, path, metadata={"format": "pt", **(facts or {})})
        mask = os.umask(0)
        os.umask(mask)
        path.chmod(0o666 & ~mask)  # safetensors makes it the user's own
    except (OSError, SafetensorError) as error:  # where a disk is full it is the latter
        raise OutputError(f"cannot be written: {getattr(error, 'strerror', None) or error}", where=path) from error


class _Lazy(Mapping[str, Tensor]):
    """Tensors of safetensors files, read one by one.

    Args:
        files: File -> the names to take from it, None for all.
    """

    def __init__(self, files: Mapping[Path, set[str] | None]) -> None:
        self._files: dict[Path, Any] = {}
        self._home: dict[str, Path] = {}
        for path, wanted in files.items():
            try:
                self._files[path] = file = safe_open(path, framework="pt")
            except (SafetensorError, OSError) as error:
                raise WeightsError(
                    f"cannot be read as safetensors: {error}", where=path, mend="copy it again"
                ) from error
            names = set(file.keys())
            if missing := sorted((wanted or set()) - names):
                raise WeightsError(f"lacks {', '.join(missing[:3])}, which its index lists", where=path)
            self._home |= dict.fromkeys(names if wanted is None else wanted, path)

    def __getitem__(self, name: str) -> Tensor:
        return self._files[self._home[name]].get_tensor(name)

    def shape(self, name: str) -> tuple[int, ...]:
        """Of a tensor, which is not read."""
        return tuple(self._files[self._home[name]].get_slice(name).get_shape())

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._home))

    def __len__(self) -> int:
        return len(self._home)


def _shards(index: Path) -> dict[Path, set[str]]:
    """Shards of an index as transformers writes it, and which tensors to take from each."""
    try:
        table = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        shards = {name: Path(shard).name for name, shard in table.items()}  # beside the index, never elsewhere
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError("is no index of weights in shards", where=index) from error
    return {index.parent / shard: {n for n, s in shards.items() if s == shard} for shard in set(shards.values())}


def _sharded(index: Path) -> Mapping[str, Tensor]:
    """Shards are of safetensors or of `torch.save`."""
    files = _shards(index)
    if missing := [path.name for path in files if not path.is_file()]:
        raise WeightsError(f"shards are missing: {', '.join(missing)}", where=index)
    if all(path.suffix == ".safetensors" for path in files):
        return _Lazy(files)
    merged: dict[str, Tensor] = {}
    for path in files:
        merged |= open_checkpoint(path)
    return merged


def _pickled(path: Path, entries: Sequence[str]) -> dict[str, Tensor]:
    try:
        try:
            held = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        except RuntimeError as error:
            if "mmap" not in str(error):
                raise
            held = torch.load(path, map_location="cpu", weights_only=True)  # the format before PyTorch 1.6
    except (UnpicklingError, RuntimeError, OSError, EOFError, ValueError, KeyError) as error:
        what = "cannot be read as plain tensors: it is damaged, or holds code, which is never run"
        mend = "copy it again, or convert it to safetensors where you trust it"
        raise WeightsError(what, where=path, mend=mend) from error
    if entries and isinstance(held, dict) and (there := [entry for entry in entries if entry in held]):
        held = held[there[0]]
    elif entries and not _is_state(held):
        has = ", ".join(map(str, held)) if isinstance(held, dict) else type(held).__name__
        raise WeightsError(f"has no entry {' or '.join(map(repr, entries))}, but {has}", where=path)
    if not isinstance(held, dict):
        raise WeightsError(f"holds a {type(held).__name__} instead of named tensors", where=path)
    return {str(name): tensor for name, tensor in held.items() if isinstance(tensor, Tensor)}


def _is_state(held: object) -> bool:
    return isinstance(held, dict) and any(isinstance(value, Tensor) for value in held.values())
