"""Datasets on disk: what the verbs `data status`, `data rows`, `data pairs` and `data overlap` do."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facevlm.cli.streams import write_document
from facevlm.errors import UsageError

if TYPE_CHECKING:
    from facevlm.datasets.overlap import Overlap
    from facevlm.datasets.presence import Presence
    from facevlm.datasets.record import Clip, Dataset

app = typer.Typer(
    help="Datasets: which are here, their clips, pairs for face verification, leaks.", no_args_is_help=True
)
Root = Annotated[str, typer.Option(metavar="DIR", help="The folder of the dataset, as it is unpacked.")]
DatasetName = Annotated[str, typer.Option("--dataset", metavar="NAME", help="See: facevlm data status.")]
Output = Annotated[str | None, typer.Option("--output", "-o", help="File of JSON lines. Default: print.")]


@app.command()
def status(
    root: Annotated[str, typer.Option(metavar="DIR", help="Holds a folder of each dataset, named as it.")] = ".",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> int:
    """Say which datasets are here, what is missing, where it is applied for, and which layouts nobody has verified."""
    from facevlm.cli.batch import refuse_empty
    from facevlm.datasets.presence import presence
    from facevlm.datasets.readers import DATASETS

    refuse_empty(root, where="--root")
    if not Path(root).is_dir():
        raise UsageError("is no folder", where=root, mend="give the folder that holds those of the datasets")
    found = [presence(dataset, Path(root)) for dataset in DATASETS.values()]
    if not as_json:
        write_document(_status_table(found))
        return 0
    rows = [
        {
            "dataset": one.dataset.name,
            "title": one.dataset.title,
            "state": one.state,
            "root": None if one.root is None else str(one.root),
            "found": one.found,
            "missing": one.missing,
            "licence": one.dataset.licence,
            "apply_at": one.dataset.apply_at,
            "layout_verified": one.dataset.verified,
            "note": one.dataset.note,
        }
        for one in found
    ]
    write_document(json.dumps(rows, ensure_ascii=False, indent=2) + "\n")
    return 0


@app.command(no_args_is_help=True)
def rows(
    name: DatasetName,
    root: Root,
    output: Output = None,
    split: Annotated[str | None, typer.Option(help="Only this split.")] = None,
    fold: Annotated[int | None, typer.Option(help="Only this official fold.")] = None,
) -> int:
    """List the clips of a dataset as a manifest: one JSON object a line, with the problem where one cannot be used."""
    from facevlm.cli.batch import refuse_empty
    from facevlm.datasets.fold_check import fold_faults
    from facevlm.datasets.manifest import as_row, json_lines
    from facevlm.datasets.readers import dataset_named
    from facevlm.datasets.record import read_part

    refuse_empty(root, where="--root")
    dataset = dataset_named(name)
    clips = read_part(dataset, Path(root), fold=fold, split=split)
    counts = {"clips": 0, "problems": 0}
    kept: list[Clip] = []  # without labels, to compare the folds

    def counted() -> Iterator[dict[str, Any]]:
        for clip in clips:
            counts["clips"] += 1
            counts["problems"] += clip.problem is not None
            kept.append(replace(clip, labels={}))
            yield as_row(clip) | {"licence_tag": dataset.licence_tag}

    _write_lines(json_lines(counted()), output)
    faults = fold_faults(kept)
    for fault in faults[:10]:
        _say(f"the lists are wrong: {fault}")
    if len(faults) > 10:
        _say(f"and {len(faults) - 10} more faults of the lists")
    _say(f"{counts['clips']} rows, {counts['problems']} of them with a problem{_doubt(dataset)}")
    return 0


@app.command(no_args_is_help=True)
def pairs(
    name: DatasetName,
    root: Root,
    output: Output = None,
    number: Annotated[int | None, typer.Option("--pairs", min=1, help="Default: as many as there are people.")] = None,
    same: Annotated[float, typer.Option(min=0, max=1, help="Share of pairs that show one person.")] = 0.5,
    frames: Annotated[int, typer.Option(min=1, help="Frames in a segment.")] = 36,
    training: Annotated[str | None, typer.Option(metavar="MANIFEST", help="Clips that must not appear.")] = None,
    seed: Annotated[int, typer.Option(help="The same gives the same pairs.")] = 0,
) -> int:
    """Build a face-verification set: pairs of segments, each segment used once, none of a clip trained on."""
    from facevlm.cli.batch import refuse_empty, refuse_overwrite
    from facevlm.datasets.manifest import json_lines, read_manifest
    from facevlm.datasets.overlap import footage
    from facevlm.datasets.readers import dataset_named
    from facevlm.datasets.verification_pairs import verification_pairs

    refuse_empty(root, where="--root")
    refuse_empty(training, where="--training")
    dataset = dataset_named(name)
    if output is not None and training is not None:
        refuse_overwrite(Path(output), [Path(training)])
    trained, without = read_manifest(Path(training)) if training else ([], 0)
    banned = {key for row in trained for key in footage(row)}
    drawn = verification_pairs(
        dataset.read(Path(root)),
        Path(root),
        pairs=number,
        same_share=same,
        frames=frames,
        trained_on=banned,
        seed=seed,
    )
    _write_lines(json_lines(asdict(pair) for pair in drawn), output)
    n_same, one_clip = sum(pair.same for pair in drawn), sum(pair.same and pair.same_clip for pair in drawn)
    share = f"{n_same} same ({100 * n_same / len(drawn):.1f} %: what always answering 'same' scores)"
    _say(f"{len(drawn)} pairs, {share}, {one_clip} of those from one clip, seed {seed}{_doubt(dataset)}")
    if training is None:
        _say("no training manifest is named: whether these clips were trained on is not known (--training)")
    elif without:
        _say(f"{without} rows of {training} do not tell their clip: whether it is among these is not known")
    return 0


@app.command(no_args_is_help=True)
def overlap(
    benchmark: Annotated[str, typer.Argument(metavar="BENCHMARK", help="A manifest (data rows), or a file of pairs.")],
    training: Annotated[str, typer.Argument(metavar="TRAINING_MANIFEST", help="A manifest of what was trained on.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> int:
    """Say whether a result may be called zero-shot: whether training saw the benchmark's footage or people.

    Exit code: 0 zero-shot, 1 not, or it cannot be told.
    """
    from facevlm.cli.batch import refuse_empty
    from facevlm.datasets.manifest import read_manifest
    from facevlm.datasets.overlap import overlap

    refuse_empty(benchmark, where="BENCHMARK")
    refuse_empty(training, where="TRAINING_MANIFEST")
    (tested, untold), (trained, untold_too) = (read_manifest(Path(name)) for name in (benchmark, training))
    found = overlap(tested, trained, without_origin=untold + untold_too)
    write_document(json.dumps(asdict(found), ensure_ascii=False, indent=2) + "\n" if as_json else _overlap_text(found))
    return 0 if found.verdict == "zero-shot" else 1


def _overlap_text(found: "Overlap") -> str:
    lines = [found.verdict, f"{found.benchmark_clips} clips tested, {found.training_clips} clips trained on"]
    told = {
        "clips trained on": found.shared_clips,
        "people trained on": found.shared_identities,
        "sources (videos, films) also trained on": found.shared_groups,
        "datasets also trained on": found.shared_datasets,
    }
    for what, names in told.items():
        rest = f" and {len(names) - 10} more (see: --json)" if len(names) > 10 else ""
        lines.append(f"{what}: {len(names)}" + (f" ({', '.join(names[:10])}{rest})" if names else ""))
    lines.append(f"people are known of {found.identities_known} of the {found.benchmark_clips} clips tested")
    if found.without_origin:
        lines.append(f"{found.without_origin} rows do not tell their dataset and clip")
    return "\n".join(lines) + "\n"


def _status_table(found: "Sequence[Presence]") -> str:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("dataset", "state", "layout", "missing", "apply at"):
        table.add_column(column, no_wrap=True)
    for one in found:
        first = ", ".join(one.missing[:2]) + (f" and {len(one.missing) - 2} more" if len(one.missing) > 2 else "")
        if one.root is None:
            first = f"folder {one.dataset.name}"
        layout = "seen in public files" if one.dataset.verified else "not verified"
        table.add_row(one.dataset.name, one.state, layout, first, one.dataset.apply_at)
    console = Console(highlight=False, markup=False, soft_wrap=True, width=400)
    with console.capture() as capture:
        console.print(table)
        console.print("\nNo reader has met a real download yet. From memory, and verified by nobody:")
        for one in found:
            console.print(f"  {one.dataset.name}: {one.dataset.note}") if not one.dataset.verified else None
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def _write_lines(lines: Iterable[str], output: str | None) -> None:
    from facevlm.cli.batch import make_writable, refuse_empty
    from facevlm.exports.atomic_file import replacing

    refuse_empty(output, where="-o")
    if output is None:
        for line in lines:
            write_document(line)
        return
    make_writable(Path(output).parent)
    with replacing(output) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        file.writelines(lines)


def _doubt(dataset: "Dataset") -> str:
    return "" if dataset.verified else f"; nobody has verified this layout: {dataset.note}"


def _say(line: str) -> None:
    print(line, file=sys.stderr)
