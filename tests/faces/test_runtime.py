"""The runtime says nothing on standard error but what matters."""

import os

import pytest

from facevlm.faces.runtime import _without_greetings, start
from facevlm.faces.weights import load


def test_a_network_starts_in_silence(capfd):
    interpreter = start(load("blaze_short"), threads=1)
    assert tuple(interpreter.get_input_details()[0]["shape"]) == (1, 128, 128, 3)
    assert capfd.readouterr().err == ""


def test_what_is_no_greeting_is_passed_on(capfd):
    with _without_greetings():
        os.write(2, b"INFO: hello\nERROR: out of memory\n")
    os.write(2, b"INFO: later\n")
    assert capfd.readouterr().err == "ERROR: out of memory\nINFO: later\n"


def test_a_broken_graph_still_fails_loudly(capfd):
    with pytest.raises(ValueError):
        start(b"no graph", threads=1)
