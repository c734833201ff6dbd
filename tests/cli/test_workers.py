"""Clips in processes of their own: progress, failures, a process that dies, an interruption."""

import os
import time

import pytest

from facevlm.cli.batch import Job, Options
from facevlm.cli.workers import run

from .scripted_work import work


def jobs_in(folder, *names: str) -> list[Job]:
    return [Job(folder / f"{name}.mp4", Options()) for name in names]


def test_each_clip_has_its_process_and_a_dying_one_loses_its_clip_alone(tmp_path):
    shares: dict[int, float] = {}
    jobs = jobs_in(tmp_path, "good", "killed", "failing", "fine")
    outcomes = dict(run(jobs, work, processes=2, on_progress=shares.__setitem__))
    assert [outcomes[number].exit_code for number in range(4)] == [0, 1, 1, 0]
    assert "killed.mp4: its process died (signal 9); perhaps not enough memory" in str(outcomes[1].error)
    assert outcomes[2].error == "it failed"
    assert len({outcomes[0].text, outcomes[3].text, f"{os.getpid()}\n"}) == 3
    assert shares[0] == shares[3] == 0.5


def test_one_process_is_this_one(tmp_path):
    (outcome,) = dict(run(jobs_in(tmp_path, "good"), work)).values()
    assert outcome.text == f"{os.getpid()}\n"


def test_closing_ends_the_processes_and_their_partial_files(tmp_path):
    started = time.monotonic()
    outcomes = run(jobs_in(tmp_path, "endless", "good", "failing"), work, processes=2)
    next(outcomes)
    while not list(tmp_path.glob("part-*")) and time.monotonic() < started + 20:
        time.sleep(0.02)
    assert list(tmp_path.glob("part-*"))
    outcomes.close()  # what Ctrl-C does to the loop over it
    assert list(tmp_path.glob("part-*")) == []
    with pytest.raises(StopIteration):
        next(outcomes)
