"""A golden file: numbers of a reference implementation, the recipe of its weights, and a record of what was checked."""

import importlib
import json
import os
import pkgutil
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.parity import components


@dataclass(frozen=True)
class Result:
    """One key compared.

    Attributes:
        key: Name of the tensor.
        max_abs: Largest difference, None when there is none to measure (wrong shape, not a number).
        tolerance: Difference allowed where it is largest.
        note: What is wrong, "" when nothing is.
    """

    key: str
    max_abs: float | None
    tolerance: float
    note: str = ""


class Golden:
    """One golden file of any size; tensors are read when asked for.

    Args:
        path: A .safetensors file with metadata, or a .json file with an object.

    Attributes:
        metadata: Strings of the file's head.
        results: The comparisons made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.results: list[Result] = []
        self._used: set[str] = set()
        if path.suffix == ".json":
            values = json.loads(path.read_text(encoding="utf-8"))
            self.metadata, self.keys = {}, frozenset(values)
            self._read = values.__getitem__
        else:
            from safetensors import safe_open

            file = safe_open(path, framework="numpy")
            self.metadata, self.keys = file.metadata() or {}, frozenset(file.keys())
            self._read = file.get_tensor

    @property
    def set_seed(self) -> int:
        """The seed of the file's weights and inputs."""
        return int(self.metadata["set_seed"])

    def input(self, key: str) -> np.ndarray:
        """A value that goes into the component; counts as covered."""
        self._used.add(key)
        return self._read(key)

    def expected(self, key: str) -> np.ndarray:
        """A value that should come out; it counts as covered by `compare` only."""
        return self._read(key)

    def compare(self, key: str, actual: np.ndarray, *, atol: float = 1e-4, rtol: float = 0.0) -> None:
        """Compare what came out with what the file says, element by element."""
        self._used.add(key)
        wanted, actual = np.asarray(self._read(key), np.float64), np.asarray(actual, np.float64)
        if wanted.shape != actual.shape:
            self.results.append(Result(key, None, atol, f"shape {actual.shape} instead of {wanted.shape}"))
            return
        differences, allowed = np.abs(actual - wanted), atol + rtol * np.abs(wanted)
        if not np.isfinite(differences).all():
            self.results.append(Result(key, None, atol, "not finite"))
            return
        difference, wrong = float(differences.max(initial=0.0)), (differences > allowed).any()
        tolerance = float(allowed.flat[differences.argmax()]) if differences.size else atol
        note = f"differs by up to {difference:.3g}, more than {atol:g} + {rtol:g} of the value" if wrong else ""
        self.results.append(Result(key, difference, tolerance, note))

    def problems(self) -> list[str]:
        """Everything wrong: keys that differ, and keys that nothing looked at."""
        wrong = [f"{r.key}: {r.note}" for r in self.results if r.note]
        return wrong + [f"{key}: not covered by any check" for key in sorted(self.keys - self._used)]

    def randn(self, key: str, shape: tuple[int, ...]) -> np.ndarray:
        """float32 standard normal numbers that depend on the key and the file's seed."""
        seed = (zlib.crc32(key.encode()) + 1000003 * self.set_seed) % 2**32
        return np.random.RandomState(seed).standard_normal(shape).astype(np.float32)

    def weight(self, key: str, shape: tuple[int, ...]) -> np.ndarray:
        """float32 weight of that name in the reference's state dict."""
        z = self.randn(key, shape)
        if key.endswith("positional_encoding_gaussian_matrix"):
            return z
        if key.endswith(_HALVED):
            return z * np.float32(0.5)
        if len(shape) >= 2:
            return z * np.float32(1 / np.sqrt(np.prod(shape[1:])))
        if key.endswith("running_var"):
            return 1 + np.float32(0.1) * np.abs(z)
        return 1 + np.float32(0.1) * z if key.endswith("weight") else np.float32(0.1) * z


_HALVED = (
    *("relative_position_bias_table", "_token.weight", "mask_tokens.weight", "word_embeddings.weight"),
    *("position_embeddings.weight", "query_tokens"),
)

Check = Callable[[Golden], None]


def folder() -> Path:
    """The folder of golden files: FACEVLM_GOLDEN, or ../shared/golden beside the project."""
    named = os.environ.get("FACEVLM_GOLDEN")
    return Path(named) if named else Path(__file__).resolve().parents[3] / "shared" / "golden"


def checks() -> dict[str, Check]:
    """Component -> its check: one module of `tests.parity.components` each, with a function `check(golden)`."""
    names = [module.name for module in pkgutil.iter_modules(components.__path__)]
    return {name: importlib.import_module(f"{components.__name__}.{name}").check for name in names}


def check_for(path: Path) -> Check | None:
    """The check of a file named `<component>.*` or `<component>_<variant>.*`, None when there is none."""
    known = checks()
    fitting = [name for name in known if path.stem == name or path.stem.startswith(f"{name}_")]
    return known[max(fitting, key=len)] if fitting else None


def golden_files(folder: Path) -> Iterator[Path]:
    """All files in a golden folder and the folders within, hidden ones too, but texts such as its README.

    A link to a folder is given as it is: no check knows it.
    """
    files = (path for path in sorted(folder.rglob("*")) if path.is_symlink() or not path.is_dir())
    return (path for path in files if path.suffix != ".md")


def name_of(path: Path) -> str:
    """Name of a golden file within its folder."""
    return path.relative_to(folder()).as_posix()
