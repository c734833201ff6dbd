"""Start the network runtime (LiteRT) without its greetings on standard error."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from ai_edge_litert.interpreter import Interpreter

STDERR = 2  # the runtime writes to the file descriptor, past sys.stderr; no setting turns it off


def start(model: bytes, *, threads: int) -> Interpreter:
    """Return an interpreter of a TFLite graph, its tensors allocated.

    Args:
        model: The graph as a flatbuffer.
        threads: How many threads it may use.

    Raises:
        ValueError: The graph cannot be run.
    """
    with _without_greetings():
        interpreter = Interpreter(model_content=model, num_threads=threads)
        interpreter.allocate_tensors()
    return interpreter


@contextmanager
def _without_greetings() -> Iterator[None]:
    """Hold back what is written to standard error meanwhile, and pass on all lines but "INFO: ..."."""
    try:
        saved = os.dup(STDERR)
    except OSError:  # the program runs without a standard error
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), STDERR)
        try:
            yield
        finally:
            os.dup2(saved, STDERR)
            os.close(saved)
            held.seek(0)
            for line in held:
                if not line.startswith(b"INFO: "):
                    os.write(STDERR, line)
