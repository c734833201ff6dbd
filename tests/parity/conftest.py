"""Where golden files are, and the report of what was compared.

    FACEVLM_GOLDEN=DIR pytest tests/parity --parity-report FILE

With FACEVLM_GOLDEN set, whatever cannot be checked is a failure: a missing folder, a file or a key that no check
covers. Without it, ../shared/golden is used where it exists, and components that are not written yet are skipped.
Full-size files take gigabytes and up to a minute each: `-k "not full"` leaves them out.

Any test tells of a comparison by `record_property("parity", {"file", "key", "max_abs", "tolerance"})`.
"""

import json
import os

import pytest

from facevlm.exports.atomic_file import write_text
from tests.parity.golden import folder, golden_files, name_of


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--parity-report", metavar="FILE", help="write what tests/parity compared: a JSON list")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Report(config.getoption("--parity-report", default=None)), "parity-report")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "golden_file" in metafunc.fixturenames:
        files = list(golden_files(folder())) if folder().is_dir() else []
        metafunc.parametrize("golden_file", files or [None], ids=[name_of(file) for file in files] or ["no file"])


@pytest.fixture
def required() -> bool:
    """Whether everything must be checked."""
    return bool(os.environ.get("FACEVLM_GOLDEN"))


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
