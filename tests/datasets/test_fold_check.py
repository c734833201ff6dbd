"""Folds that keep their word, and those that do not."""

import pytest

from facevlm.datasets.fold_check import fold_faults
from facevlm.datasets.record import Clip


def clip(dataset, name, split, fold=None, protocol=None):
    return Clip(dataset, name, split=split, fold=fold, protocol=protocol)


@pytest.mark.parametrize(
    ("situation", "clips", "faults"),
    [
        ("two folds", [clip("dfew", "1", "train", 1), clip("dfew", "1", "test", 2)], []),
        (
            "train and test of one fold",
            [clip("dfew", "1", "train", 1), clip("dfew", "1", "test", 1)],
            ["1 is in test and train of fold 1"],
        ),
        (
            "two test sets",
            [clip("dfew", "1", "test", 1), clip("dfew", "1", "test", 3)],
            ["1 is in the test sets of folds 1, 3"],
        ),
        ("two protocols", [clip("mafw", "1", "test", 1, "single"), clip("mafw", "1", "test", 2, "compound")], []),
        ("folds that overlap on purpose", [clip("hmdb51", "1", "test", 1), clip("hmdb51", "1", "test", 2)], []),
        ("no folds", [clip("ferv39k", "a", "train"), clip("ferv39k", "a", "test")], ["a is in test and train"]),
        ("no splits", [Clip("ytf", "A/1"), Clip("ytf", "A/1")], []),
    ],
)
def test_fold_faults(situation, clips, faults):
    assert fold_faults(clips) == faults
