"""Work for the processes of `facevlm.cli.workers`; they import it by name, so it holds little."""

import os
import signal
import time
from pathlib import Path

from facevlm.cli.batch import Job
from facevlm.cli.workers import Outcome, Progress


def work(job: Job, on_progress: Progress | None) -> Outcome:
    """Do what the clip's name says."""
    if on_progress:
        on_progress(0.5)
    match job.clip.stem:
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "endless":
            part = Path(job.clip.parent / f"part-{os.getpid()}")
            try:
                part.write_text("half a result")
                while True:
                    time.sleep(0.05)
            finally:
                part.unlink()
        case "failing":
            return Outcome(job.clip, 1, "it failed")
    return Outcome(job.clip, text=f"{os.getpid()}\n")
