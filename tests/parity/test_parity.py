"""Every golden file that is there, against the component it is named after."""

from dataclasses import asdict

import pytest

from facevlm.errors import MissingExtraError
from tests.parity.golden import Golden, check_for, folder, name_of


def test_equals_the_reference(golden_file, required, record_property):
    stop = pytest.fail if required else pytest.skip
    if golden_file is None:
        stop(f"no golden files in {folder()}")
    name = name_of(golden_file)
    check = check_for(golden_file)
    if check is None:
        stop(f"{name} is not covered: tests/parity/components has nothing for it")
    try:
        golden = Golden(golden_file)
        check(golden)
    except (MissingExtraError, ModuleNotFoundError) as error:
        stop(str(error))
    for result in golden.results:
        row = asdict(result)
        note = row.pop("note")
        record_property("parity", {"file": name, **row, **({"note": note} if note else {})})
    assert golden.results, f"{name}: nothing was compared"
    problems = golden.problems()
    assert not problems, f"{name}:\n" + "\n".join(problems)
