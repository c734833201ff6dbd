"""Write an assembled model as a folder of transformers: safetensors in shards, whole or not at all.

Tensors are read, changed and written one by one, so memory holds one shard of the result, the tensor at work, and what
is random of one part.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor
from transformers import GenerationConfig

from facevlm.errors import OutputError, UsageError
from facevlm.models.assembling import Assembly, own_tensors
from facevlm.models.checkpoint import write_safetensors
from facevlm.models.language_side import FaceLanguageModel

SHARD_BYTES = 5 * 10**9  # as transformers cuts
DTYPES = ("bfloat16", "float16", "float32")


def floating(name: str) -> torch.dtype:
    """A dtype by name.

    Raises:
        UsageError: It is none of `DTYPES`.
    """
    if name not in DTYPES:
        raise UsageError(f"no dtype {name!r}", where="--dtype", mend=f"choose among {', '.join(DTYPES)}")
    return getattr(torch, name)


def write_assembly(
    assembly: Assembly,
    folder: str | Path,
    *,
    dtype: str = "bfloat16",
    shard_bytes: int = SHARD_BYTES,
    seed: int = 0,
    finish: Callable[[Path], None] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write a model as a folder of transformers.

    Args:
        assembly: What to write.
        folder: Where; must not exist, or be empty.
        dtype: Of all floating tensors, one of `DTYPES`.
        shard_bytes: Most bytes of a file of weights; so much memory is needed, and a tensor more.
        seed: Of random parts.
        finish: Called with the unfinished folder at the end, to add cards and tokenizers.
        on_progress: Called with bytes written and bytes in all.

    Raises:
        UsageError: There is no such dtype.
        OutputError: The folder cannot be written.
        WeightsError: A source cannot be read to its end.
    """
    target, kind = Path(folder), floating(dtype)
    with _whole_folder(target) as part:
        _write_shards(assembly, part, dtype=kind, shard_bytes=shard_bytes, seed=seed, on_progress=on_progress)
        config = assembly.model.config
        config.dtype = dtype
        config.untrained = bool(assembly.random)
        config.architectures = [type(assembly.model).__name__]
        config.save_pretrained(part)
        for report in assembly.reports:
            if report.file.source == "llm" and (report.file.folder / "generation_config.json").is_file():
                GenerationConfig.from_pretrained(str(report.file.folder)).save_pretrained(part)
        if assembly.lora and assembly.lora_mode == "keep":
            rows = {name: len(tensor) for name, tensor in assembly.model.language_model.state_dict().items()}
            assembly.lora.save_adapter(part / "lora", rows, kind)
        if finish:
            finish(part)
    return target


def _write_shards(
    assembly: Assembly,
    folder: Path,
    *,
    dtype: torch.dtype,
    shard_bytes: int,
    seed: int,
    on_progress: Callable[[int, int], None] | None,
) -> None:
    sizes = {
        name: tensor.numel() * (dtype.itemsize if tensor.is_floating_point() else tensor.element_size())
        for name, tensor in own_tensors(assembly.model).items()
    }
    shards: list[list[str]] = [[]]
    for name, size in sizes.items():
        if shards[-1] and sum(sizes[held] for held in shards[-1]) + size > shard_bytes:
            shards.append([])
        shards[-1].append(name)
    total, done = sum(sizes.values()), 0
    where: dict[str, str] = {}
    values = _values(assembly, dtype, seed)
    for number, names in enumerate(shards, 1):
        file = f"model-{number:05d}-of-{len(shards):05d}.safetensors" if len(shards) > 1 else "model.safetensors"
        held = {}
        for name in names:
            own, held[name] = next(values)
            assert own == name
            done += sizes[name]
            if on_progress:
                on_progress(done, total)
        write_safetensors(held, folder / file)
        where |= dict.fromkeys(names, file)
    if len(shards) > 1:
        index = {"metadata": {"total_size": total}, "weight_map": where}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def _values(assembly: Assembly, dtype: torch.dtype, seed: int) -> Iterator[tuple[str, Tensor]]:
    """Every tensor in the order of the model."""
    drawn: dict[str, Tensor] = {}
    module = ""
    for name, own in own_tensors(assembly.model).items():
        if name.split(".")[0] != module:
            module = name.split(".")[0]
            drawn = first_values(assembly.model, module, assembly.random.get(module, ()), dtype, seed)
        if name in drawn:
            yield name, drawn.pop(name)
            continue
        filling = assembly.fillings[name]
        value = assembly.weights[filling.source][filling.name][filling.first : filling.first + filling.rows]
        if assembly.lora and assembly.lora_mode == "merge" and module == "language_model":
            value = assembly.lora.merged(filling.own, value)
        if len(value) < len(own):  # a placeholder is never said nor read: its rows are the mean of all others
            mean = value.float().mean(0, keepdim=True).to(value.dtype)
            value = torch.cat([value, mean.expand(len(own) - len(value), -1)])
        yield name, (value.to(dtype) if own.is_floating_point() else value).contiguous().clone()


def first_values(
    model: FaceLanguageModel, module: str, names: Sequence[str], dtype: torch.dtype, seed: int
) -> dict[str, Tensor]:
    """First values of tensors of one module of a model on the meta device, as if the model were made anew."""
    if not names:
        return {}
    for each in model.modules():
        each._is_hf_initialized = False  # type: ignore[assignment]
    box = getattr(model, module).to(dtype).to_empty(device="cpu")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model.initialize_weights()
    held = {name: value for name, value in own_tensors(model).items() if name in set(names)}
    values = {name: value.detach().clone() for name, value in held.items()}
    box.to_empty(device="meta")
    return values


def refuse_taken(folder: str | Path) -> None:
    """Refuse a place where something is, or another run writes; before sources are fetched and read.

    Raises:
        OutputError: A model cannot be written there.
    """
    target, part = Path(folder), _unfinished(Path(folder))
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise OutputError("is there already", where=target, mend="choose another folder, or remove it")
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror or error}", where=target) from error
    if part.exists():
        mend = f"if no other run is at work, remove {part}"
        raise OutputError("another run writes here, or was killed", where=part, mend=mend)


def _unfinished(target: Path) -> Path:
    return target.with_name(f".{target.name}.unfinished")


@contextmanager
def _whole_folder(target: Path) -> Iterator[Path]:
    """A folder to fill, which becomes `target` when the block ends well, else goes."""
    refuse_taken(target)
    part = _unfinished(target)
    try:
        part.mkdir(parents=True)
        try:
            yield part
            if target.exists():
                target.rmdir()
            part.rename(target)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror or error}", where=target) from error
