"""Folders of whole models: what the verbs `models list`, `models assemble`, `models convert` and `models plan` do."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facevlm.cli.streams import write_document
from facevlm.errors import UsageError

if TYPE_CHECKING:
    from facevlm.models.assembling import Assembly
    from facevlm.models.public_files import PublicFile

app = typer.Typer(help="Models: who publishes their parts, put them together, what they need.", no_args_is_help=True)
ASSEMBLY_SCHEMA, PLAN_SCHEMA = "facevlm/assembly/1", "facevlm/memory_plan/1"
DTYPES = ("bfloat16", "float16", "float32")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Offline = Annotated[bool, typer.Option("--offline", help="Look in the hub's cache only.")]
Config = Annotated[
    str | None,
    typer.Option(metavar="FILE|tiny", help="JSON of the config's fields that differ, or a preset. Default: full size."),
]


@app.command("list")
def list_models(as_json: AsJson = False) -> int:
    """List the models, their parts, and who publishes each under which licence."""
    from facevlm.models.model_parts import MODELS, SOURCES

    if as_json:
        models = {name: {"presets": list(m.presets), "parts": list(m.parts)} for name, m in MODELS.items()}
        everyone = {name: asdict(source) for name, source in SOURCES.items()}
        write_document(json.dumps({"models": models, "sources": everyone}, indent=2) + "\n")
        return 0
    lines = []
    for name, model in MODELS.items():
        lines.append(f"{name}  (presets: {', '.join(model.presets)})")
        for part, row in model.parts.items():
            sources = [key for key, source in SOURCES.items() if part in source.gives]
            lines.append(f"  {part:16}{', '.join(sources) if row.table else 'nobody publishes it: --random ' + part}")
    lines += ["", "sources"]
    for name, source in SOURCES.items():
        where = f"{source.hub_id} {source.file}".strip() or "by path"
        lines.append(f"  {name:20}{source.licence:12}{where}\n{'':22}{source.title}")
    write_document("\n".join(lines) + "\n")
    return 0


@app.command(no_args_is_help=True)
def assemble(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="favchat, favchat-v2 or facetrack-mm.")],
    output: Annotated[str, typer.Option("--output", "-o", metavar="DIR", help="Folder to make.")],
    source: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            metavar="SOURCE[=WHERE]",
            help="A path, or OWNER/NAME[@REVISION] on the hub; of two that give a tensor the first does. "
            "See: facevlm models list.",
        ),
    ] = None,
    random: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PART,...",
            help="Parts, or qformer.proj and the like, that are random where no source gives them; or all.",
        ),
    ] = None,
    config: Config = None,
    lora: Annotated[str, typer.Option(metavar="merge|keep|drop", help="What to do with LoRA in a source.")] = "merge",
    lora_alpha: Annotated[int | None, typer.Option(min=1, help="Of that LoRA, where it is not known.")] = None,
    dtype: Annotated[str, typer.Option(metavar="|".join(DTYPES), help="Of the result.")] = "bfloat16",
    without_processor: Annotated[
        bool, typer.Option("--without-processor", help="Do without tokenizers: weights and config only.")
    ] = False,
    shard_gb: Annotated[float, typer.Option(min=1e-4, help="Most gigabytes of a file, and of memory for it.")] = 5.0,
    seed: Annotated[int, typer.Option(help="Of random parts.")] = 0,
    offline: Offline = False,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> int:
    """Put a whole model together from public parts: a folder of transformers with a card that names every licence."""
    from facevlm.models.assembled_folder import floating, refuse_taken, write_assembly
    from facevlm.models.assembled_processor import assembled_processor, save_processor
    from facevlm.models.assembling import config_for, plan_assembly
    from facevlm.models.model_card import card_text
    from facevlm.models.model_parts import find_model
    from facevlm.models.public_files import find_public

    floating(dtype)  # what is wrong is told before the work starts
    refuse_taken(output)
    changes, parts = config_fields(model, config), find_model(model).parts
    pairs = [given.partition("=") for given in source or []]
    if twice := [name for name, times in Counter(name for name, _, _ in pairs).items() if times > 1]:
        raise UsageError(f"{twice[0]} is given twice", where="--from")
    files = [find_public(name, where, offline=offline) for name, _, where in pairs]
    asked = [part for given in random or [] for part in given.split(",") if part]
    settled = config_for(model, changes, files)
    drawn = list(parts) if asked == ["all"] else asked
    plan = plan_assembly(model, settled, files, random=drawn, lora=lora, lora_alpha=lora_alpha)

    processor = None if without_processor else assembled_processor(settled, files)

    def finish(folder: Path) -> None:
        if processor:
            save_processor(processor, folder)
        (folder / "README.md").write_text(card_text(plan), encoding="utf-8")

    with _bar(quiet=quiet) as on_progress:
        write_assembly(
            plan,
            output,
            dtype=dtype,
            shard_bytes=int(shard_gb * 1e9),
            seed=seed,
            finish=finish,
            on_progress=on_progress,
        )
    write_document(json.dumps(report_dict(plan, output), indent=2) + "\n" if as_json else report_text(plan, output))
    return 0


@app.command(no_args_is_help=True)
def convert(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="See: facevlm models list.")],
    where: Annotated[str, typer.Argument(metavar="WHERE", help="A path, or OWNER/NAME[@REVISION] on the hub.")],
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="A .safetensors file to write.")],
    part: Annotated[str | None, typer.Option(help="Which part, where the source gives several.")] = None,
    dtype: Annotated[str | None, typer.Option(metavar="|".join(DTYPES), help="Default: as it is.")] = None,
    config: Config = None,
    offline: Offline = False,
    as_json: AsJson = False,
) -> int:
    """Turn a public file into safetensors with our names."""
    from facevlm.models.converting import convert as convert_file
    from facevlm.models.model_parts import MODELS, find_source
    from facevlm.models.public_files import find_public

    file = find_public(source, where, offline=offline)
    wanted = part or next(iter(find_source(source).gives), "")
    model = next((name for name, whole in MODELS.items() if wanted in whole.parts), "favchat")
    report = convert_file(file, output, part=part, dtype=dtype, config=config_fields(model, config))
    if as_json:
        write_document(json.dumps({"output": output, **asdict(report)}, indent=2) + "\n")
    else:
        lines = [f"{output}: {len(report.loaded)} tensors of {Path(where).name}"]
        write_document("\n".join(lines + _lists({"dropped": report.dropped, "elsewhere": report.elsewhere})) + "\n")
    return 0


@app.command()
def plan(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="favchat, favchat-v2 or facetrack-mm.")] = "favchat",
    config: Config = None,
    words: Annotated[int, typer.Option(min=1, help="Tokens of text beside the clip's, answer included.")] = 512,
    as_json: AsJson = False,
) -> int:
    """Say how much memory a model needs to answer and to be trained, with LoRA and QLoRA at its paper's batch sizes."""
    from facevlm.models.memory_plan import STEPS, memory_plan
    from facevlm.models.model_parts import find_model

    settled = find_model(model).config_class(**config_fields(model, config))
    plans = [
        memory_plan(model, settled, replace(step, words=words), quantize=quantize)
        for step in STEPS[model]
        for quantize in (("none", "4bit") if step.lora_rank or not step.learns else ("none",))
    ]
    if as_json:
        rows = [{**asdict(one), "total": one.total} for one in plans]
        write_document(json.dumps({"schema": PLAN_SCHEMA, "model": model, "steps": rows}, indent=2) + "\n")
        return 0
    heads = ("weights", "LoRA", "gradients", "optimizer", "cache", "activations", "total")
    lines = [f"{model}, gigabytes (10^9 bytes); language model in 4 bits: NF4 with nested scales"]
    lines.append(f"{'':32}" + "".join(f"{head:>13}" for head in heads))
    for one in plans:
        sizes = (sum(one.weights.values()), one.lora, one.gradients, one.optimizer, one.kv_cache, one.activations)
        name = one.step.name + ("" if one.quantize == "none" else f", {one.quantize}")
        lines.append(f"{name:32}" + "".join(f"{size / 1e9:13.2f}" for size in (*sizes, one.total)))
    lines.append(
        "Training: AdamW, activation checkpointing, what learns in float32. Attention keeps its matrix, more than"
    )
    lines.append("on a GPU. Not counted: passing copies of autocast and optimizer, and a GPU's libraries.")
    write_document("\n".join(lines) + "\n")
    return 0


def config_fields(model: str, config: str | None) -> dict[str, Any]:
    """Fields of a config that differ from full size: of a preset, or of a JSON file."""
    from facevlm.models.model_parts import find_model

    whole = find_model(model)
    if config is None:
        return {}
    if config in whole.presets:
        return dict(whole.presets[config])
    try:
        fields = json.loads(Path(config).read_text(encoding="utf-8"))
    except OSError as error:
        mend = f"give a JSON file, or one of {', '.join(whole.presets)}"
        raise UsageError(f"cannot be read: {error.strerror}", where=config, mend=mend) from error
    except ValueError as error:
        raise UsageError(f"is no JSON: {error}", where=config) from error
    if not isinstance(fields, dict):
        raise UsageError("holds no object of fields", where=config)
    return fields


def report_dict(plan: "Assembly", output: str) -> dict[str, Any]:
    """Everything that was loaded, dropped, not needed or missing."""
    from facevlm.models.model_parts import find_model

    return {
        "schema": ASSEMBLY_SCHEMA,
        "model": plan.name,
        "output": output,
        "parts": {part: plan.origin(part) for part in find_model(plan.name).parts},
        "sources": [
            {
                **_file_facts(report.file),
                "loaded": report.loaded,
                "dropped": report.dropped,
                "unneeded": report.unneeded,
                "elsewhere": report.elsewhere,
                "lora": report.lora,
            }
            for report in plan.reports
        ],
        "random": {module: list(names) for module, names in plan.random.items()},
        "lora": plan.lora_mode if any(report.lora for report in plan.reports) else None,
    }


@contextmanager
def _bar(*, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar of bytes written, on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    console = Console(stderr=True)
    with Progress(
        *(TextColumn("writing"), BarColumn(), DownloadColumn()),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as progress:
        task = progress.add_task("writing", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _file_facts(file: "PublicFile") -> dict[str, Any]:
    path = None if file.file is None else str(file.file)
    return {
        "source": file.source,
        "where": file.where,
        "file": path,
        "revision": file.revision,
        "licence": file.licence,
    }


def report_text(plan: "Assembly", output: str) -> str:
    """The same for people: numbers in names become #, and alike ones are counted."""
    from facevlm.models.model_parts import find_model

    lines = [f"{output}: {plan.name}"]
    lines += [f"  {part:16}{origin}" for part in find_model(plan.name).parts if (origin := plan.origin(part))]
    for report in plan.reports:
        told = {
            "dropped": report.dropped,
            "not needed, an earlier source gives it": report.unneeded,
            "of other parts": report.elsewhere,
            f"LoRA, {plan.lora_mode}": report.lora,
        }
        file = report.file
        lines.append(f"{file.source}: {len(report.loaded)} tensors of {file.where} ({file.licence})")
        lines += _lists(told)
    parts = {module: part for part, row in find_model(plan.name).parts.items() for module in row.modules}
    some = [name for module, names in plan.random.items() if plan.origin(parts[module]) != "random" for name in names]
    lines += _lists({"random": some})
    return "\n".join(lines) + "\n"


def _lists(told: Mapping[str, Sequence[str]]) -> list[str]:
    lines = []
    for what, names in told.items():
        if names:
            lines.append(f"  {what}: {len(names)}")
            lines += [f"    {name}" + (f"  x{times}" if times > 1 else "") for name, times in _alike(names)]
    return lines


def _alike(names: Iterable[str]) -> list[tuple[str, int]]:
    return list(Counter(re.sub(r"(?<=\.)\d+(?=\.)", "#", name) for name in names).items())
