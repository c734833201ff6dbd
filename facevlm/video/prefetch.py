"""Decode ahead in one thread, so that decoding and inference overlap."""

import threading
from collections import deque
from collections.abc import Iterator

from facevlm.video.clip import Frame

MAX_BYTES = 256 * 2**20  # of waiting pictures: two of 8K, all eight of 4K


def prefetched(frames: Iterator[Frame], depth: int = 8) -> Iterator[Frame]:
    """Yields the same frames in the same order, decoded ahead by one thread.

    The thread starts with the first frame asked for and has ended when this iterator is exhausted, closed (also by
    garbage collection) or has raised. What the source raises is raised here, after the frames before it. The source and
    any predicate it asks run in that thread only.

    Args:
        frames: Source, such as `Video.frames(...)`; closed at the end if it is a generator.
        depth: Largest number of frames waiting; fewer where pictures are large (256 MiB in all, at least one).
    """
    waiting: deque[Frame] = deque()
    changed = threading.Condition()
    state: dict[str, bool] = {"stop": False, "done": False}
    failure: list[BaseException] = []

    def full() -> bool:
        return len(waiting) >= depth or (len(waiting) > 0 and sum(f.image.nbytes for f in waiting) >= MAX_BYTES)

    def produce() -> None:
        try:
            for frame in frames:
                with changed:
                    changed.wait_for(lambda: state["stop"] or not full())
                    if state["stop"]:
                        return
                    waiting.append(frame)
                    changed.notify_all()
        except BaseException as error:  # handed to the consumer, whatever it is
            failure.append(error)
        finally:
            close = getattr(frames, "close", None)
            if close is not None:
                close()
            with changed:
                state["done"] = True
                changed.notify_all()

    thread = threading.Thread(target=produce, name="facevlm-decode", daemon=True)
    thread.start()
    try:
        while True:
            with changed:
                changed.wait_for(lambda: waiting or state["done"])
                if not waiting:
                    break
                frame = waiting.popleft()
                changed.notify_all()
            yield frame
        if failure:
            raise failure[0]
    finally:
        with changed:
            state["stop"] = True
            changed.notify_all()
        thread.join()
