"""Plan a whole model made of public files: where each tensor comes from, told before anything is written.

Every tensor has a source or is asked to be random, and all shapes fit, or it is an error. `assembled_folder` writes it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import AutoConfig, PreTrainedConfig

from facevlm.errors import UsageError, WeightsError
from facevlm.models.assembled_processor import language_tokenizer, placeholders_of
from facevlm.models.checkpoint import shape_of
from facevlm.models.language_side import FaceLanguageModel
from facevlm.models.lora_keys import Lora, find_pairs, is_lora
from facevlm.models.model_parts import ModelPart, find_model
from facevlm.models.public_files import PublicFile
from facevlm.models.weight_loading import LISTED, match_names, misfit

VOCABULARY_ROWS = ("model.embed_tokens.weight", "lm_head.weight")  # placeholders' rows are added to these
LORA = ("merge", "keep", "drop")


@dataclass(frozen=True)
class Filling:
    """Where one tensor of the model comes from.

    Attributes:
        source: Name of the source.
        name: Name there.
        first, rows: Which rows of it.
        own: Name in its module of ours.
    """

    source: str
    name: str
    first: int
    rows: int
    own: str


@dataclass(frozen=True)
class SourceReport:
    """What was taken of one source.

    Attributes:
        file: Its files.
        loaded: Public name -> names in the model.
        dropped: Public names that the table drops on purpose.
        unneeded: Public names of parts that an earlier source gives.
        elsewhere: Public names of other parts.
        lora: Public names of LoRA.
    """

    file: PublicFile
    loaded: dict[str, tuple[str, ...]]
    dropped: tuple[str, ...]
    unneeded: tuple[str, ...]
    elsewhere: tuple[str, ...]
    lora: tuple[str, ...]


@dataclass(frozen=True)
class Assembly:
    """A model that can be written.

    Attributes:
        name: Key of `MODELS`.
        model: The model without memory (meta device).
        fillings: Name in the model -> where it comes from.
        random: Names in the model that get first values, by module.
        reports: One for each source, in order.
        lora: Changes of the language model, and what to do with them.
        weights: Source -> its tensors.
    """

    name: str
    model: FaceLanguageModel
    fillings: Mapping[str, Filling]
    random: Mapping[str, tuple[str, ...]]
    reports: tuple[SourceReport, ...]
    lora: Lora | None
    lora_mode: str
    weights: Mapping[str, Mapping[str, Tensor]] = field(repr=False)

    def origin(self, part: str) -> str:
        """In words, where a part comes from: its sources, and whether some of it is random."""
        modules = find_model(self.name).parts[part].modules
        names = [name for name in own_tensors(self.model) if name.split(".")[0] in modules]
        sources = dict.fromkeys(self.fillings[name].source for name in names if name in self.fillings)
        drawn = sum(name not in self.fillings for name in names)
        told = [*sources, *([] if not drawn else ["random"] if not sources else [f"{drawn} tensors random"])]
        return ", ".join(told)


def own_tensors(model: FaceLanguageModel) -> dict[str, Tensor]:
    """Tensors of a model that are saved, by name; of tied ones the first."""
    seen: set[int] = set()
    return {
        name: tensor
        for name, tensor in model.state_dict(keep_vars=True).items()
        if not (id(tensor) in seen or seen.add(id(tensor)))  # type: ignore[func-returns-value]
    }


def config_for(name: str, changes: Mapping[str, Any], files: Sequence[PublicFile]) -> PreTrainedConfig:
    """The config of a whole model: the paper's, with the language model that was given.

    Args:
        name: Key of `MODELS`.
        changes: Fields of the config that differ.
        files: Sources; the config of "llm" is that of the language model, unless `changes` has one.

    Raises:
        UsageError: A field or value does not exist.
        WeightsError: The language model's config or tokenizer cannot be read.
    """
    whole = find_model(name)
    values = dict(changes)
    fields = placeholders_of(whole.config_class)
    tokenizer = language_tokenizer(files, list(fields.values()))
    llm = next((file for file in files if file.source == "llm" and (file.folder / "config.json").is_file()), None)
    if llm and "text_config" not in values:
        try:
            text = AutoConfig.from_pretrained(str(llm.folder), trust_remote_code=False)
        except (OSError, ValueError, KeyError) as error:
            first = str(error).strip().splitlines()[0]
            raise WeightsError(f"its config cannot be read: {first}", where=llm.folder) from error
        ids = [text.vocab_size + k for k in range(len(fields))]
        if tokenizer is not None:
            ids = [tokenizer.get_added_vocab()[token] for token in fields.values()]
        values = {**dict(zip(fields, ids, strict=True)), **values}
        text.vocab_size = max(text.vocab_size, *(values[field] + 1 for field in fields))
        values["text_config"] = text
    try:
        return whole.config_class(**values)
    except (TypeError, ValueError) as error:
        raise UsageError(f"is no config of {name}: {error}", where="--config") from error


def plan_assembly(
    name: str,
    config: PreTrainedConfig,
    files: Sequence[PublicFile],
    *,
    random: Collection[str] = (),
    lora: str = "merge",
    lora_alpha: int | None = None,
) -> Assembly:
    """Decide where every tensor of a model comes from; reads names and shapes only.

    Args:
        name: Key of `MODELS`.
        config: Of that model.
        files: Sources; where two give the same tensor, the first does.
        random: Parts, or parts of parts as "qformer.proj", that get first values where no source gives them.
        lora: What to do with LoRA keys: "merge" into the language model, "keep" as an adapter, "drop".
        lora_alpha: alpha of LoRA keys, None for what is known of their source.

    Raises:
        UsageError: A part or choice does not exist.
        WeightsError: Something has no source, does not fit, or is of another model.
    """
    whole = find_model(name)
    if lora not in LORA:
        raise UsageError(f"no way {lora!r} with LoRA", where="--lora", mend=f"choose among {', '.join(LORA)}")
    with torch.device("meta"):
        model = whole.model_class(config)
    parts = {part: row for part, row in whole.parts.items() if any(getattr(model, m, None) for m in row.modules)}
    if unknown := [spec for spec in random if spec.split(".")[0] not in parts]:
        raise UsageError(f"no part {unknown[0]!r} in {name}", where="--random", mend=f"choose among {', '.join(parts)}")
    fillings: dict[str, Filling] = {}
    weights = {file.source: file.weights() for file in files}
    reports = [_take(file, weights[file.source], parts, model, fillings) for file in files]
    changes = _lora(files, reports, weights, own_tensors(model), lora_alpha) if lora != "drop" else None
    return Assembly(
        name=name,
        model=model,
        fillings=fillings,
        random=_drawn(parts, model, fillings, random),
        reports=tuple(reports),
        lora=changes,
        lora_mode=lora,
        weights=weights,
    )


def _take(
    file: PublicFile,
    weights: Mapping[str, Tensor],
    parts: Mapping[str, ModelPart],
    model: FaceLanguageModel,
    fillings: dict[str, Filling],
) -> SourceReport:
    """Let a source fill what is not filled yet."""
    lora = {name for name in weights if is_lora(name)}
    public = [name for name in weights if name not in lora]
    loaded: dict[str, tuple[str, ...]] = {}
    dropped: list[str] = []
    unneeded: list[str] = []
    wrong = []
    for part, row in parts.items():
        if row.table is None or part not in file.about.gives:
            continue
        for module in (m for m in row.modules if getattr(model, m, None) is not None):
            own = {n.removeprefix(f"{module}."): t for n, t in own_tensors(model).items() if n.startswith(f"{module}.")}
            there = match_names(public, own, row.table(model.config), source=file.file, allow_missing=".*")
            dropped += there.dropped
            for name, here in there.loaded.items():
                if all(f"{module}.{h}" in fillings for h in here):
                    unneeded.append(name)
                    continue
                if problem := _misfit(name, shape_of(weights, name), [(h, own[h].shape) for h in here]):
                    wrong.append(problem)
                first = 0
                for h in here:
                    rows = min(len(own[h]), shape_of(weights, name)[0])
                    fillings.setdefault(f"{module}.{h}", Filling(file.source, name, first, rows, h))
                    first += rows
                loaded[name] = (*loaded.get(name, ()), *(f"{module}.{h}" for h in here))
    if wrong:
        more = f" and {len(wrong) - LISTED} more" if len(wrong) > LISTED else ""
        what = f"has other shapes {', '.join(wrong[:LISTED])}{more}"
        raise WeightsError(what, where=file.file, mend="is it the checkpoint of this part and size?")
    wanted = [part for part in file.about.gives if part in parts]
    if file.about.gives and not (loaded or unneeded or lora):
        what = f"gives nothing of {', '.join(wanted)}" if wanted else "gives no part of this model"
        raise WeightsError(f"{what}; it has {', '.join(public[:LISTED])} …", where=file.file or file.where)
    known = {*loaded, *dropped, *unneeded}
    return SourceReport(
        file=file,
        loaded=loaded,
        dropped=tuple(dict.fromkeys(dropped)),
        unneeded=tuple(name for name in dict.fromkeys(unneeded) if name not in loaded),
        elsewhere=tuple(name for name in public if name not in known),
        lora=tuple(sorted(lora)),
    )


def _misfit(name: str, public: Sequence[int], own: Sequence[tuple[str, Sequence[int]]]) -> str | None:
    """As `misfit`; a vocabulary may lack the rows of placeholders."""
    shapes = [shape for _, shape in own]
    if [here for here, _ in own] == [own[0][0]] and own[0][0] in VOCABULARY_ROWS and 0 < public[0] < shapes[0][0]:
        shapes = [(public[0], *shapes[0][1:])]
    return misfit(name, public, shapes)


def _lora(
    files: Sequence[PublicFile],
    reports: Sequence[SourceReport],
    weights: Mapping[str, Mapping[str, Tensor]],
    own: Collection[str],
    alpha: int | None,
) -> Lora | None:
    having = [(file, report) for file, report in zip(files, reports, strict=True) if report.lora]
    if not having:
        return None
    file, report = having[0]
    if len(having) > 1:
        raise WeightsError(f"LoRA is in two sources: {file.source}, {having[1][0].source}", mend="name one of them")
    alpha = alpha or file.about.lora_alpha
    if alpha is None:
        raise WeightsError("has LoRA keys of unknown alpha", where=file.file, mend="give --lora-alpha, or --lora drop")
    pairs = find_pairs(report.lora, source=file.file)
    if unknown := [name for name in pairs if f"language_model.{name}" not in own]:
        raise WeightsError(f"has LoRA for {unknown[0]}, which the language model lacks", where=file.file)
    return Lora(pairs, weights[file.source], alpha)


def _drawn(
    parts: Mapping[str, ModelPart], model: FaceLanguageModel, fillings: Mapping[str, Filling], random: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """Names without a source by module, all of which must be asked for."""
    part_of = {module: part for part, row in parts.items() for module in row.modules}
    found: dict[str, list[str]] = {}
    missing: dict[str, list[str]] = {}
    for name in own_tensors(model):
        if name in fillings:
            continue
        module, _, rest = name.partition(".")
        asked = [spec.partition(".")[2] for spec in random if spec.split(".")[0] == part_of[module]]
        there = any(not inner or rest == inner or rest.startswith(f"{inner}.") for inner in asked)
        (found if there else missing).setdefault(module if there else part_of[module], []).append(name)
    if missing:
        told = [f"{part} ({len(names)} tensors, such as {names[0]})" for part, names in missing.items()]
        nobody = [part for part in missing if parts[part].table is None]
        mend = f"give a source, or --random {','.join(missing)}"
        mend += f"; nobody publishes {' and '.join(nobody)}" if nobody else ""
        raise WeightsError(f"no source gives {'; '.join(told)}", mend=mend)
    return {module: tuple(names) for module, names in found.items()}
