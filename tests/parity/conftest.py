"""The report of what tests/parity compared with golden files.

    pytest tests/parity --parity-report FILE

A test tells of a comparison by `record_property("parity", {"file", "key", "max_abs", "tolerance"})`.
"""

import json

import pytest

from facevlm.exports.atomic_file import write_text


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--parity-report", metavar="FILE", help="write what tests/parity compared: a JSON list")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Report(config.getoption("--parity-report", default=None)), "parity-report")


class Report:
    """Gathers the comparisons of all tests, of all worker processes, and writes them at the end."""

    def __init__(self, path: str | None) -> None:
        self._path, self._rows = path, []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self._rows += [value for name, value in report.user_properties if name == "parity"]

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._path and not hasattr(session.config, "workerinput"):
            write_text(json.dumps(self._rows, indent=1) + "\n", self._path)
