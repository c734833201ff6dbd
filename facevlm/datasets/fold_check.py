"""Whether official lists keep their word: no clip in train and test of one fold, none in the tests of two folds."""

from collections.abc import Iterable

from facevlm.datasets.record import Clip

TESTS_DISJOINT = ("dfew", "mafw")  # the test sets of their five folds share no clip; those of HMDB51 do


def fold_faults(clips: Iterable[Clip]) -> list[str]:
    """What is wrong with the folds of clips, one sentence each, in order of clip ids.

    Args:
        clips: Of one dataset, all folds; those without a fold are compared by split alone.
    """
    splits: dict[tuple[str, str | None, int | None], set[str]] = {}
    tests: dict[tuple[str, str | None], set[int]] = {}
    for clip in clips:
        if clip.split is not None:
            splits.setdefault((clip.source_clip_id, clip.protocol, clip.fold), set()).add(clip.split)
        if clip.source_dataset in TESTS_DISJOINT and clip.split == "test" and clip.fold is not None:
            tests.setdefault((clip.source_clip_id, clip.protocol), set()).add(clip.fold)
    faults = [
        f"{name} is in {' and '.join(sorted(found))}" + ("" if fold is None else f" of fold {fold}") + _of(protocol)
        for (name, protocol, fold), found in splits.items()
        if len(found) > 1
    ]
    faults += [
        f"{name} is in the test sets of folds {', '.join(map(str, sorted(folds)))}" + _of(protocol)
        for (name, protocol), folds in tests.items()
        if len(folds) > 1
    ]
    return sorted(faults)


def _of(protocol: str | None) -> str:
    return "" if protocol is None else f" ({protocol})"
