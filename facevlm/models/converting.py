"""Turn one public file into safetensors with our names, for one part: what `load_state_dict` takes as it is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from facevlm.errors import OutputError, UsageError
from facevlm.models.assembled_folder import floating
from facevlm.models.assembling import own_tensors
from facevlm.models.checkpoint import shape_of, write_safetensors
from facevlm.models.model_parts import MODELS
from facevlm.models.public_files import PublicFile
from facevlm.models.weight_loading import LoadReport, check_shapes, match_names


def convert(
    file: PublicFile,
    output: str | Path,
    *,
    part: str | None = None,
    dtype: str | None = None,
    config: Mapping[str, Any] | None = None,
) -> LoadReport:
    """Convert a public file; memory holds the part once.

    Args:
        file: The public file.
        output: The .safetensors file to write, whole or not at all.
        part: The part of a model; None where the source gives one only.
        dtype: Of floating tensors, one of `DTYPES`; None keeps them.
        config: Fields of a model's config that give the part's sizes; None for full size.

    Raises:
        UsageError: It is not clear which part, there is no such dtype, or the output's name is wrong.
        WeightsError: The file is not of that part, or not whole.
        OutputError: The output cannot be written.
    """
    gives, target, kind = file.about.gives, Path(output), floating(dtype) if dtype else None
    if part is None and len(gives) != 1:
        raise UsageError(f"{file.source} gives {', '.join(gives) or 'no weights'}", mend="choose one with --part")
    part = part or gives[0]
    if part not in gives:
        raise UsageError(f"{file.source} gives no {part}", where="--part", mend=f"choose among {', '.join(gives)}")
    if target.suffix != ".safetensors":
        raise UsageError("the result is safetensors", where=output, mend="name it so: NAME.safetensors")
    whole = next(model for model in MODELS.values() if part in model.parts and model.parts[part].table)
    with torch.device("meta"):
        model = whole.model_class(whole.config_class(**(config or {})))
    row, weights = whole.parts[part], file.weights()
    prefix = f"{row.modules[0]}."
    own = {n.removeprefix(prefix): tensor for n, tensor in own_tensors(model).items() if n.startswith(prefix)}
    assert row.table is not None
    report = match_names(weights, own, row.table(model.config), source=file.file)
    check_shapes(report, {n: shape_of(weights, n) for n in report.loaded}, own, source=file.file)
    held = {}
    for name, here in report.loaded.items():
        for ours, rows in zip(here, weights[name].split([len(own[h]) for h in here]), strict=True):
            held[ours] = rows.to(kind if kind and rows.is_floating_point() else rows.dtype).contiguous().clone()
    unfinished = target.with_name(f".{target.name}.unfinished")
    try:
        write_safetensors(held, unfinished, facts={"part": part, "source": file.source, "licence": file.licence})
        unfinished.replace(target)
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror or error}", where=target) from error
    finally:
        unfinished.unlink(missing_ok=True)
    return report
