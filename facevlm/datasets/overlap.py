"""Whether a benchmark was seen in training: the same footage or the same people, by what is known of each clip.

Only a benchmark that shares neither with the training data may be called zero-shot; where the origin of a row is not
told, or both hold other cuts of one source video, nothing can be said.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

Verdict = Literal["zero-shot", "not zero-shot", "cannot be told"]
_MER = ("mer2023", "mer2024", "mer2025", "emer")  # one pool of clips: the years contain each other's names


class Origin(Protocol):
    """What must be known of a clip: a `Clip`, or a row of a manifest."""

    @property
    def source_dataset(self) -> str: ...
    @property
    def source_clip_id(self) -> str: ...
    @property
    def identity(self) -> str | None: ...
    @property
    def group(self) -> tuple[str, ...]: ...
    @property
    def parent(self) -> tuple[str, str] | None: ...


@dataclass(frozen=True)
class Overlap:
    """What a benchmark shares with training data.

    Attributes:
        verdict: "zero-shot" only if no footage, person or source is shared and every row tells its origin; "cannot be
            told" where only a source is shared, an origin is not told, or there are no clips on either side.
        benchmark_clips: Number of different clips of the benchmark.
        training_clips: Number of different clips of the training data.
        shared_clips: Ids of the benchmark's clips (`dataset:id`) whose footage is in the training data.
        shared_identities: People in both, as `dataset:identity`.
        identities_known: How many of the benchmark's clips tell who is seen; people of the others cannot be compared.
        shared_groups: Source videos, films or actors in both; other parts of one film may show other people.
        shared_datasets: Datasets in both: then the benchmark is of the training data's kind, though zero-shot.
        without_origin: Rows, of either, that do not tell their dataset and clip.
    """

    verdict: Verdict
    benchmark_clips: int
    training_clips: int
    shared_clips: tuple[str, ...]
    shared_identities: tuple[str, ...]
    identities_known: int
    shared_groups: tuple[str, ...]
    shared_datasets: tuple[str, ...]
    without_origin: int


def overlap(benchmark: Iterable[Origin], training: Iterable[Origin], *, without_origin: int = 0) -> Overlap:
    """Compare a benchmark with training data.

    Args:
        benchmark: Its clips; clips in several folds count once.
        training: The clips trained on.
        without_origin: Number of rows, of either, whose origin is not told.
    """
    seen: set[tuple[str, str]] = set()
    ids: set[tuple[str, str]] = set()
    people: set[str] = set()
    groups: set[str] = set()
    datasets: set[str] = set()
    for clip in training:
        ids.add((clip.source_dataset, clip.source_clip_id))
        seen |= footage(clip)
        people |= _people(clip)
        groups |= set(clip.group)
        datasets |= _datasets(clip)
    clips: set[str] = set()
    shared: set[str] = set()
    known: set[str] = set()
    shared_people: set[str] = set()
    shared_groups: set[str] = set()
    shared_datasets: set[str] = set()
    for clip in benchmark:
        name = f"{clip.source_dataset}:{clip.source_clip_id}"
        clips.add(name)
        if footage(clip) & seen:
            shared.add(name)
        if seen_people := _people(clip):
            known.add(name)
        shared_people |= seen_people & people
        shared_groups |= set(clip.group) & groups
        shared_datasets |= _datasets(clip) & datasets
    verdict: Verdict = "zero-shot"
    if shared or shared_people:
        verdict = "not zero-shot"
    elif shared_groups or without_origin or not clips or not ids:
        verdict = "cannot be told"
    return Overlap(
        verdict=verdict,
        benchmark_clips=len(clips),
        training_clips=len(ids),
        shared_clips=tuple(sorted(shared)),
        shared_identities=tuple(sorted(shared_people)),
        identities_known=len(known),
        shared_groups=tuple(sorted(shared_groups)),
        shared_datasets=tuple(sorted(shared_datasets)),
        without_origin=without_origin,
    )


def footage(clip: Origin) -> set[tuple[str, str]]:
    """Keys of the pictures that a clip shows: equal for a clip and its parent, and for what is one take or one source.

    Clips of MER and EMER are one pool; the copies of a RAVDESS take with and without sound are one; a FaceForensics++
    fake shows both of its sequences.
    """
    keys = set()
    for dataset, clip_id in ((clip.source_dataset, clip.source_clip_id), *([clip.parent] if clip.parent else [])):
        if dataset in _MER:
            keys.add(("mer", clip_id))
        elif dataset == "ravdess":
            keys.add((dataset, clip_id.partition("-")[2] or clip_id))
        elif dataset == "ffpp" and not clip_id.startswith(("DeepFakeDetection/", "actors/")):
            keys |= {(dataset, sequence) for sequence in clip_id.rpartition("/")[2].split("_")}
        else:
            keys.add((dataset, clip_id))
    return keys


def _people(clip: Origin) -> set[str]:
    """Who is seen; of RAVDESS the clip's name tells it, whatever dataset took the clip over."""
    people = set() if clip.identity is None else {f"{clip.source_dataset}:{clip.identity}"}
    for dataset, clip_id in ((clip.source_dataset, clip.source_clip_id), *([clip.parent] if clip.parent else [])):
        if dataset == "ravdess" and clip_id.count("-") == 6:
            people.add(f"ravdess:Actor_{clip_id.rpartition('-')[2]}")
    return people


def _datasets(clip: Origin) -> set[str]:
    return {clip.source_dataset, *([clip.parent[0]] if clip.parent else [])}
