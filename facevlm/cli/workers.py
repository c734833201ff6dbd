"""Do planned clips, one after the other or each in a process of its own; a failure is a row, never the end.

A process per clip, and no pool: when one dies (a crash in a codec, not enough memory) its clip alone is lost.
"""

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from facevlm.cli.batch import Job, Options, refuse_folder
from facevlm.cli.signals import leave_cleanly_when_told
from facevlm.errors import FacevlmError, UsageError
from facevlm.exports.atomic_file import MENDS

Progress = Callable[[float], None]
Work = Callable[[Job, Progress | None], "Outcome"]
STEP = 0.005  # share of a clip between two messages of a process
GRACE_S = 5.0  # given to a process to remove its partial files


@dataclass(frozen=True)
class Outcome:
    """What became of one job.

    Attributes:
        clip: The video file.
        exit_code: 0 done, 1 failed, 2 a wrong argument.
        error: The reason of a failure in one line, None when done.
        text: The document, when the job has no output file.
        people: Number of people found.
        events: Number of their events, None where none were looked for.
        duration_s: Duration of the video in seconds, None where unknown.
        wall_s: Seconds of work.
        warnings: Sentences for the user.
    """

    clip: Path
    exit_code: int = 0
    error: str | None = None
    text: str = ""
    people: int = 0
    events: int | None = None
    duration_s: float | None = None
    wall_s: float = 0.0
    warnings: tuple[str, ...] = ()


def run(
    jobs: Sequence[Job], work: Work, *, processes: int = 1, on_progress: Callable[[int, float], None] | None = None
) -> Iterator[tuple[int, Outcome]]:
    """Do all jobs.

    Args:
        jobs: From `facevlm.cli.batch.plan`.
        work: Such as `describe_clip`; with several processes a function at the top of a module.
        processes: How many clips to work on at a time.
        on_progress: Called with the number of the job and the share of it that is done.

    Yields:
        Number of a job and its outcome, in the order in which they end. Closing the iterator ends the processes.
    """
    if processes == 1 or len(jobs) == 1:
        for number, job in enumerate(jobs):
            yield number, work(job, _numbered(on_progress, number))
    else:
        yield from _run_in_processes(jobs, work, processes, on_progress)


def describe_clip(job: Job, on_progress: Progress | None = None) -> Outcome:
    """Describe one clip and write its results; a failure is the outcome's error, never raised."""
    started = time.monotonic()
    try:
        refuse_folder(job.clip)
        return _describe(job, on_progress, started)
    except Exception as error:
        return failed(job, error, started)


def failed(job: Job, error: Exception, started: float) -> Outcome:
    """The outcome of a job that failed; `started` as `time.monotonic` told it."""
    code, line = explain(error)
    return Outcome(job.clip, code, _with_place(line, job.clip), wall_s=time.monotonic() - started)


def explain(error: Exception) -> tuple[int, str]:
    """Exit code and line for the user of any error; prints the traceback when FACEVLM_DEBUG is set."""
    if os.environ.get("FACEVLM_DEBUG"):
        traceback.print_exception(error)
    if isinstance(error, FacevlmError):
        return (2 if isinstance(error, UsageError) else 1), one_line(str(error))
    if isinstance(error, OSError):
        place, mend = (f"{error.filename}: " if error.filename else ""), MENDS.get(error.errno or 0)
        return 1, one_line(f"{place}{error.strerror or error}") + (f" ({mend})" if mend else "")
    if isinstance(error, MemoryError):
        return 1, "not enough memory (close other programs, or use fewer --jobs)"
    reason = one_line(f"{type(error).__name__}: {error}")
    return 1, f"internal error: {reason}; please report it; set FACEVLM_DEBUG=1 for the traceback"


def one_line(text: str) -> str:
    """The text without line breaks or control characters, so that no file name can forge a line."""
    return "".join(c if c.isprintable() else " " for c in " ".join(text.split()))


def _describe(job: Job, on_progress: Progress | None, started: float) -> Outcome:
    from facevlm.exports.formats import to_format, write_format

    recorder = None
    if job.overlay is not None:
        from facevlm.exports.overlay_video import OverlayRecorder

        recorder = OverlayRecorder()
    share = None if on_progress is None else share_of(job.clip, job.options, on_progress)
    description = _described(job, share, recorder)
    text = ""
    if job.output is None:
        text = to_format(description, job.format, one_line=job.one_line)
    else:
        write_format(description, job.output, format=job.format)
    if job.report is not None:
        from facevlm.exports.html_report import write_html_report

        write_html_report(description, job.report)
    if recorder is not None and job.overlay is not None:
        recorder.render(description, job.overlay)
    return Outcome(
        job.clip,
        text=text,
        people=len(description.people),
        events=sum(len(person.events) for person in description.people),
        duration_s=description.video.duration_s,
        wall_s=time.monotonic() - started,
        warnings=description.warnings,
    )


def _described(job: Job, on_progress: Progress | None, on_moment: Callable[[Any], None] | None) -> Any:
    """The description, in the engine's words or in a model's."""
    options = job.options
    if options.model is not None:
        from facevlm.cli.chatting import looking_of, model_of

        return model_of(options).describe(
            job.clip, who=options.who, looking=looking_of(options), on_progress=on_progress, on_moment=on_moment
        )
    from facevlm.describing import describe
    from facevlm.perceiving import PerceptionConfig

    looks: dict[str, Any] = {}
    if options.face_weights is not None:
        looks["analyser"] = _analyser(options.face_weights, options.sensitive)
    return describe(
        job.clip,
        who=options.who,
        fps=options.fps,
        start=options.start,
        end=options.end,
        infer=options.infer,
        config=PerceptionConfig(detector=options.detector, embedder=options.embedder),
        saved=options.saved,
        on_progress=on_progress,
        on_moment=on_moment,
        **looks,
    )


@lru_cache(maxsize=1)
def _analyser(weights: str, sensitive: bool) -> Any:
    """The model that looks at faces, loaded once for all clips of a process."""
    from facevlm.models.face_analyser import FaceAnalyser

    return FaceAnalyser(weights, sensitive=sensitive)


def share_of(clip: Path, options: Options, on_progress: Progress) -> Progress | None:
    """As `share_of_span`, for the span that the options tell."""
    from facevlm.video.probe import probe

    return share_of_span((options.start, options.end), probe(clip).duration_s, on_progress)


def share_of_span(
    span: tuple[float | None, float | None], duration_s: float | None, on_progress: Progress
) -> Progress | None:
    """A function that takes the time reached in seconds and tells the share of the span that is done, if that is known.

    Args:
        span: Start and end in seconds, None for those of the clip.
        duration_s: Of the clip.
        on_progress: Told the share, in [0, 1].
    """
    start = span[0] or 0.0
    end = min((time for time in (span[1], duration_s) if time is not None), default=None)
    if end is None or end <= start:
        return None
    length = end - start
    return lambda seconds: on_progress(min(1.0, max(0.0, (seconds - start) / length)))


def _numbered(on_progress: Callable[[int, float], None] | None, number: int) -> Progress | None:
    return None if on_progress is None else lambda share: on_progress(number, share)


def _run_in_processes(
    jobs: Sequence[Job], work: Work, processes: int, on_progress: Callable[[int, float], None] | None
) -> Iterator[tuple[int, Outcome]]:
    context = multiprocessing.get_context("spawn")  # the same on every system; threads of the runtimes survive no fork
    waiting = list(enumerate(jobs))[::-1]
    running: dict[Any, tuple[int, Any]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < processes:
                number, job = waiting.pop()
                here, there = context.Pipe(duplex=False)
                process = context.Process(target=_in_process, args=(work, job, there), daemon=True)
                with _no_interrupt():
                    process.start()
                there.close()
                running[here] = number, process
            ready: list[Any] = wait(list(running))
            for pipe in ready:
                number, process = running[pipe]
                message = _received(pipe)
                if isinstance(message, float):
                    if on_progress is not None:
                        on_progress(number, message)
                    continue
                del running[pipe]
                pipe.close()
                process.join()
                yield number, message or Outcome(jobs[number].clip, 1, _death(jobs[number], process.exitcode))
    finally:
        for _, process in running.values():
            process.terminate()
        for _, process in running.values():
            process.join(GRACE_S)
            process.kill()


def _received(pipe: Any) -> Any:
    """A share done, an outcome, or None when the process died."""
    try:
        return pipe.recv()
    except (EOFError, OSError):
        return None


def _death(job: Job, code: int | None) -> str:
    reason = f"signal {-code}" if code is not None and code < 0 else f"code {code}"
    return f"{one_line(str(job.clip))}: its process died ({reason}); perhaps not enough memory (use fewer --jobs)"


def _in_process(work: Work, job: Job, pipe: Connection) -> None:
    """What a process does: one job. Ctrl-C is the parent's to handle; it sends SIGTERM, which removes partial files."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    leave_cleanly_when_told()
    sent = 0.0

    def tell(share: float) -> None:
        nonlocal sent
        if share >= sent + STEP:
            sent = share
            pipe.send(float(share))

    with suppress(BrokenPipeError):  # the parent is gone
        pipe.send(work(job, tell))


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """Processes started inside ignore Ctrl-C from their first moment on."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _with_place(line: str, clip: Path) -> str:
    return line if str(clip) in line else f"{one_line(str(clip))}: {line}"
