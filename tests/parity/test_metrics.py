"""Every golden file of metrics that is there, against facevlm.evaluation.

    FACEVLM_GOLDEN_METRICS=DIR pytest tests/parity --parity-report FILE

With FACEVLM_GOLDEN_METRICS set, whatever cannot be checked is a failure: a missing folder, a file or a key that no
check covers. Without it, ../shared/golden_metrics is used where it exists.
"""

import os

import pytest

from facevlm.errors import MissingExtraError
from tests.parity.metrics_checks import check_for
from tests.parity.metrics_golden import MetricsGolden, folder, golden_files

FILES = golden_files() if folder().is_dir() else []


@pytest.mark.parametrize("name", FILES or [None], ids=FILES or ["no file"])
def test_equals_the_reference_implementations(name, record_property):
    stop = pytest.fail if os.environ.get("FACEVLM_GOLDEN_METRICS") else pytest.skip
    if name is None:
        stop(f"no golden metrics in {folder()}")
    if (check := check_for(name)) is None:
        stop(f"{name} is not covered: tests/parity/metrics_checks.py has nothing for it")
    golden = MetricsGolden(name)
    try:
        check(golden)
    except MissingExtraError as error:
        stop(str(error))
    for row in golden.rows:
        record_property("parity", row)
    assert golden.rows, f"{name}: nothing was compared"
    problems = golden.problems + golden.uncovered()
    assert not problems, f"{name}:\n" + "\n".join(problems[:40])
