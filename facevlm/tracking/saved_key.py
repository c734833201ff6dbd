"""The key under which faces are kept on disk: what is seen depends on clip, options and the program that looks."""

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from facevlm.errors import InputError
from facevlm.faces.weights import WEIGHTS

FORMAT = "facevlm/faces/1"
LIBRARIES = ("ai-edge-litert", "av", "numpy", "onnxruntime", "opencv-python-headless")
CHUNK = 1 << 20  # bytes hashed at a time


def key_of(clip: str | Path, options: Mapping[str, Any]) -> str:
    """Name of what is seen in a clip: hexadecimal sha256 over its content, the options, and the program that looks.

    The program is the code of the areas that take part, the weights, and the libraries that numbers come from.

    Args:
        clip: The file, of any name and place.
        options: Those that decide what is seen; plain values.

    Raises:
        InputError: The clip cannot be read, or is no regular file (a pipe can be read once only).
    """
    parts = {
        "format": FORMAT,
        "clip": sha256_of(clip),
        "options": options,
        "code": [sha256_of(path) for path in _code()],
        "weights": {name: row.sha256 for name, row in WEIGHTS.items()},
        "libraries": {name: _version(name) for name in LIBRARIES},
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def sha256_of(path: str | Path) -> str:
    """Hexadecimal sha256 of a regular file; raises as `key_of`."""
    digest = hashlib.sha256()
    try:
        if not Path(path).is_file():
            raise InputError("is no regular file, so nothing seen in it can be kept", where=path, mend="copy it first")
        with Path(path).open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=path) from error
    return digest.hexdigest()


def _code() -> list[Path]:
    root = Path(__file__).parents[1]
    areas = (root / area for area in ("faces", "tracking", "video"))
    files = [path for area in areas for path in area.iterdir() if path.suffix in (".py", ".npz")]
    return [root / "perceiving.py", *sorted(files)]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
