"""One thread: these networks are tiny, and threads that wait for each other on a busy machine take most of the time."""

from importlib.util import find_spec

import pytest


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    if find_spec("torch"):
        import torch

        torch.set_num_threads(1)
