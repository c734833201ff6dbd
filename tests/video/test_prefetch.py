"""The decoding thread ends with its consumer, whatever happens."""

import threading
import time

import numpy as np
import pytest

from facevlm.errors import VideoError
from facevlm.video import prefetch
from facevlm.video.clip import Frame
from facevlm.video.prefetch import prefetched


def frames(n, closed=None, fail_at=None, shape=(2, 2, 3)):
    try:
        for i in range(n):
            if i == fail_at:
                raise VideoError("torn", where="a.mp4")
            yield Frame(i, i / 25, np.zeros(shape, np.uint8))
    finally:
        if closed is not None:
            closed.append(threading.current_thread().name)


def decoding_threads():
    return [t for t in threading.enumerate() if t.name == "facevlm-decode"]


@pytest.mark.parametrize("depth", [1, 3, 100])
def test_same_frames_in_order(depth):
    assert [f.index for f in prefetched(frames(50), depth)] == list(range(50))
    assert not decoding_threads()


def test_nothing_runs_before_the_first_frame_is_asked_for():
    iterator = prefetched(frames(5))
    assert not decoding_threads()
    iterator.close()


def test_consumer_stops_early():
    closed: list[str] = []
    iterator = prefetched(frames(1000, closed), 2)
    assert next(iterator).index == 0
    iterator.close()
    assert closed == ["facevlm-decode"]
    assert not decoding_threads()


def test_consumer_raises():
    closed: list[str] = []
    with pytest.raises(KeyError):
        for frame in prefetched(frames(1000, closed)):
            if frame.index == 3:
                raise KeyError
    time.sleep(0)
    assert closed and not decoding_threads()


def test_errors_of_the_source_arrive_after_its_frames():
    seen = []
    with pytest.raises(VideoError, match="torn"):
        for frame in prefetched(frames(10, fail_at=4)):
            seen.append(frame.index)
    assert seen == [0, 1, 2, 3]
    assert not decoding_threads()


def test_large_pictures_wait_in_smaller_numbers(monkeypatch):
    monkeypatch.setattr(prefetch, "MAX_BYTES", 3 * 300)
    made = []

    def source():
        for frame in frames(20, shape=(10, 10, 3)):
            made.append(frame.index)
            yield frame

    iterator = prefetched(source(), 8)
    next(iterator)
    time.sleep(0.1)
    assert len(made) <= 5  # one taken, three waiting, one in the thread's hand
    assert len(list(iterator)) == 19
