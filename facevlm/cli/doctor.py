"""What is installed, what is missing, and how to get it."""

import importlib
import os
import platform
import re
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from typing import NamedTuple

from facevlm.errors import FacevlmError

# Packages whose module has another name.
MODULES = {
    "ai-edge-litert": "ai_edge_litert.interpreter",
    "opencv-python-headless": "cv2",
    "pillow": "PIL",
    "pympi-ling": "pympi",
    "scikit-image": "skimage",
    "webvtt-py": "webvtt",
}
FACE_WEIGHTS = "FACEVLM_FACE_WEIGHTS"  # environment variable that names FaceXFormer's weights
DECODERS = ("h264", "hevc", "vp9", "av1", "mjpeg", "gif")
ENCODERS = ("libx264",)


class Finding(NamedTuple):
    """One thing looked at.

    Attributes:
        group: "system", "package", "extra NAME", "weights" or "codec".
        name: What was looked at.
        ok: Whether it is as it should be.
        needed: Whether facevlm cannot describe a video without it.
        value: What was found.
        mend: How to get it, "" when all is well.
    """

    group: str
    name: str
    ok: bool
    needed: bool
    value: str
    mend: str = ""


def examine() -> list[Finding]:
    """Look at everything; takes a second or two, because packages are imported to see that they work."""
    return [*_system(), *_packages(), *_codecs(), *_weights()]


def print_findings(findings: list[Finding]) -> None:
    """Print a table of the findings, and one closing line."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("", "what", "found"):
        table.add_column(name, overflow="fold")
    group = ""
    for finding in findings:
        if finding.group != group:
            group = finding.group
            table.add_row("", f"[bold]{group}[/bold]", "")
        mark = "[green]ok[/green]" if finding.ok else "[red]missing[/red]" if finding.needed else "[yellow]--[/yellow]"
        found = finding.value if not finding.mend else f"{finding.value}; {finding.mend}".removeprefix("; ")
        table.add_row(mark, finding.name, found.replace("[", r"\["))
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)
    missing = [finding.name for finding in findings if finding.needed and not finding.ok]
    console.print(f"\nmissing: {', '.join(missing)}" if missing else "\nall that is needed is here", markup=False)


def _system() -> Iterator[Finding]:
    version = platform.python_version()
    yield Finding("system", "Python", sys.version_info >= (3, 11), True, f"{version} at {sys.executable}")
    yield Finding("system", "system", True, False, platform.platform())
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Finding("system", "cores", True, False, str(cores))


def _packages() -> Iterator[Finding]:
    try:
        lines = metadata.requires("facevlm") or []
        yield Finding("package", "facevlm", True, True, metadata.version("facevlm"))
    except metadata.PackageNotFoundError:
        yield Finding("package", "facevlm", False, True, "not installed", "run in its folder: pip install -e .")
        return
    for line in sorted(lines, key=lambda line: ("extra ==" in line, _extra(line) or "", line.lower())):
        name = re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]
        extra = _extra(line)
        if name != "facevlm" and extra != "dev":  # who develops has the Makefile
            yield _package(name, line, extra)


def _package(name: str, line: str, extra: str | None) -> Finding:
    group, needed = ("package", True) if extra is None else (f"extra {extra}", False)
    wanted = re.search(r">=([0-9.]+)", line)
    whole = f"facevlm[{extra}]" if extra else f"{name}{wanted.group(0) if wanted else ''}"
    mend = f"run: pip install '{whole}'"
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Finding(group, name, False, needed, "not installed", mend)
    if wanted and _numbers(version) < _numbers(wanted.group(1)):
        return Finding(group, name, False, needed, f"{version} is too old", mend)
    if needed:
        try:
            importlib.import_module(MODULES.get(name, name.replace("-", "_")))
        except (ImportError, OSError) as error:
            return Finding(group, name, False, needed, f"{version} does not load: {error}", f"{mend} --force-reinstall")
    return Finding(group, name, True, needed, version)


def _codecs() -> Iterator[Finding]:
    try:
        from av.codec import Codec
        from av.codec.codec import UnknownCodecError
    except ImportError:
        return  # told already, as a package

    def is_known(name: str, *, writes: bool) -> bool:
        try:
            return bool(Codec(name, "w" if writes else "r").name)
        except UnknownCodecError:
            return False

    for name in (*DECODERS, *ENCODERS):
        writes = name in ENCODERS
        ok = is_known(name, writes=writes)
        mend = "" if ok else "run: pip install --force-reinstall --only-binary=:all: av"
        task = "writes overlays" if writes else "reads"
        yield Finding("codec", name, ok, False, task if ok else "not in this PyAV", mend)


def _weights() -> Iterator[Finding]:
    from facevlm.faces import weights

    try:
        folder = weights.cache_dir()
        writable = _writable(folder)
        mend = "" if writable else "set FACEVLM_CACHE to a folder you can write"
        yield Finding("weights", "cache", writable, False, f"{folder}{'' if writable else ' is not writable'}", mend)
    except FacevlmError as error:
        yield Finding("weights", "cache", False, False, str(error))
    for row in weights.WEIGHTS.values():
        try:
            found = str(weights.find(row.name)) if weights.is_present(row.name) else ""
            mend = "" if found else "run: facevlm weights fetch"
            yield Finding("weights", row.name, bool(found), True, found or "not here", mend)
        except FacevlmError as error:
            yield Finding("weights", row.name, False, True, str(error))
    own = os.environ.get(FACE_WEIGHTS)
    mend = "" if own else f"for hair, glasses and beard: name FaceXFormer's in {FACE_WEIGHTS}, or give --face-weights"
    ok = bool(own) and os.path.exists(own or "")  # noqa: PTH110 - or the name of a repository
    yield Finding("weights", "FaceXFormer", ok, False, own or "not named", mend)


def _writable(folder: os.PathLike[str]) -> bool:
    """Whether the folder, or the nearest one above it that exists, can be written to."""
    place = os.path.abspath(folder)  # noqa: PTH100 - no resolving of links
    while not os.path.exists(place):  # noqa: PTH110
        place = os.path.dirname(place)  # noqa: PTH120
    if not os.path.isdir(place):  # noqa: PTH112
        return False
    try:
        with tempfile.TemporaryFile(dir=place):
            return True
    except OSError:
        return False


def _extra(line: str) -> str | None:
    found = re.search(r"extra == ['\"]([\w-]+)", line)
    return found.group(1) if found else None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
