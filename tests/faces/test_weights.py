"""Weights: where they are looked for, how they are verified, what is said when they cannot be had."""

import hashlib
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from facevlm.errors import UsageError, WeightsError
from facevlm.faces import weights

DATA = b"numbers of a network" * 10
LICENSE = b"do as you like"


def row(*sources: str, data: bytes = DATA, name: str = "net", notice: str | None = None) -> weights.Weight:
    return weights.Weight(
        name=name,
        file=f"{name}.tflite",
        sources=sources,
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        licence="MIT",
        input="anything",
        used_for="tests",
        notice=notice,
    )


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("FACEVLM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FACEVLM_WEIGHTS_DIR", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def table(monkeypatch):
    """Replaces the table by the given rows."""

    def replace(*rows: weights.Weight) -> None:
        monkeypatch.setattr(weights, "WEIGHTS", {item.name: item for item in rows})

    return replace


@pytest.fixture
def pip(tmp_path, monkeypatch):
    """A scripted pip that serves one wheel, and the list of its calls."""
    calls: list[list[str]] = []

    def run(command, **options):
        calls.append(command)
        assert not options.get("shell")
        folder = Path(command[command.index("-d") + 1])
        folder.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(folder / "pack-1.0-py3-none-any.whl", "w") as archive:
            archive.writestr("pack/net.tflite", DATA)
            archive.writestr("pack/other.tflite", DATA[::-1])
            archive.writestr("pack/LICENSE", LICENSE)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(weights.subprocess, "run", run)
    return calls


def test_a_weight_comes_from_a_file_and_is_then_read_from_the_cache(tmp_path, cache, table):
    source = tmp_path / "mine.bin"
    source.write_bytes(DATA)
    table(row(f"file:{source}"))
    assert not weights.is_present("net")
    assert weights.load("net") == DATA
    source.unlink()
    assert weights.is_present("net")
    assert weights.load("net") == DATA
    assert [path.name for path in cache.iterdir()] == ["net.tflite"], "no partial file may stay"


def test_one_download_serves_all_rows_of_a_package_and_brings_the_licence(cache, table, pip):
    notice = "pip:pack==1.0#pack/LICENSE"
    table(
        row("pip:pack==1.0#pack/net.tflite", notice=notice),
        row("pip:pack==1.0#pack/other.tflite", data=DATA[::-1], name="other", notice=notice),
    )
    assert set(weights.fetch()) == {"net", "other"}
    assert len(pip) == 1
    assert pip[0][:4] == [sys.executable, "-m", "pip", "download"]
    assert {"pack==1.0", "--no-deps", "--only-binary=:all:"} <= set(pip[0])
    assert weights.load("other") == DATA[::-1]
    assert [path.read_bytes() for *_, path in weights.licenses()] == [LICENSE, LICENSE]
    weights.fetch()
    assert len(pip) == 1, "what is in the cache is not fetched again"


def test_the_next_source_is_tried_when_one_fails(cache, table, pip):
    table(row("file:/nowhere/net.tflite", "pip:pack==1.0#pack/net.tflite"))
    assert weights.load("net") == DATA


def test_the_weights_folder_of_the_user_comes_first(tmp_path, cache, table, monkeypatch):
    monkeypatch.setenv("FACEVLM_WEIGHTS_DIR", str(tmp_path))
    (tmp_path / "net.tflite").write_bytes(DATA)
    table(row("file:/nowhere"))
    assert weights.find("net") == tmp_path / "net.tflite"
    (tmp_path / "net.tflite").write_bytes(b"something else")
    with pytest.raises(WeightsError, match=r"net\.tflite: not the pinned file of 'net' \(remove it"):
        weights.load("net")


def test_a_weights_folder_of_the_user_that_is_none_is_an_error(tmp_path, cache, table, pip, monkeypatch):
    monkeypatch.setenv("FACEVLM_WEIGHTS_DIR", str(tmp_path / "absent"))
    table(row("pip:pack==1.0#pack/net.tflite"))
    with pytest.raises(WeightsError, match=r"FACEVLM_WEIGHTS_DIR=.*absent: there is no such folder"):
        weights.load("net")
    assert not pip, "nothing is fetched in its place"


DAMAGED = {"short": DATA[:-1], "long": DATA + b"x", "flipped": DATA[:-1] + b"?", "empty": b""}


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_cache_is_noticed_and_mended(cache, table, pip, damage, caplog):
    cache.mkdir()
    (cache / "net.tflite").write_bytes(damage)
    table(row("pip:pack==1.0#pack/net.tflite"))
    assert weights.load("net") == DATA
    assert "fetching it again" in caplog.text


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("pip:pack==1.0#pack/LICENSE", "not the pinned file"),
        ("pip:pack==1.0#pack/absent.tflite", "cannot read pack/absent.tflite"),
        ("file:/nowhere/net.tflite", "/nowhere/net.tflite: cannot read it: No such file"),
        ("ftp:somewhere", "unknown kind of source"),
    ],
)
def test_when_no_source_gives_the_file_the_error_says_what_each_answered(cache, table, pip, source, says):
    table(row(source))
    with pytest.raises(WeightsError) as caught:
        weights.load("net")
    assert says in str(caught.value)
    assert "FACEVLM_WEIGHTS_DIR" in str(caught.value), "the way out without a network"
    assert not (cache / "net.tflite").exists()


@pytest.mark.parametrize(
    ("stderr", "says"),
    [
        ("WARNING: Retrying\nERROR: No matching distribution found for pack==1.0", "No matching distribution"),
        ("/usr/bin/python: No module named pip", "ensurepip"),
    ],
)
def test_a_failing_pip_is_quoted_in_one_line(cache, table, monkeypatch, stderr, says):
    runs = []

    def run(command, **options):
        runs.append(command)
        return subprocess.CompletedProcess(command, 1, "", stderr)

    monkeypatch.setattr(weights.subprocess, "run", run)
    table(row("pip:pack==1.0#a", "pip:pack==1.0#b"))
    with pytest.raises(WeightsError, match=says) as caught:
        weights.load("net")
    assert "\n" not in str(caught.value)
    assert len(runs) == 1, "a failed download is not repeated for the next member"


def test_an_unwritable_cache_names_the_way_out(tmp_path, cache, table, monkeypatch):
    (tmp_path / "a-file").write_bytes(b"")
    monkeypatch.setenv("FACEVLM_CACHE", str(tmp_path / "a-file" / "cache"))
    source = tmp_path / "mine.bin"
    source.write_bytes(DATA)
    table(row(f"file:{source}"))
    with pytest.raises(WeightsError, match="set FACEVLM_CACHE to a folder you can write"):
        weights.load("net")


def test_several_at_once_leave_one_whole_file(tmp_path, cache, table):
    source = tmp_path / "mine.bin"
    source.write_bytes(DATA)
    table(row(f"file:{source}"))
    results: list[bytes] = []
    threads = [threading.Thread(target=lambda: results.append(weights.load("net"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [DATA] * 8
    assert [path.name for path in cache.iterdir()] == ["net.tflite"]


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(UsageError, match="mesh_attention"):
        weights.load("mesh_attentoin")


@pytest.mark.parametrize("item", weights.WEIGHTS.values(), ids=lambda item: item.name)
def test_every_row_is_complete(item):
    assert item.licence and item.input and item.used_for and item.sources
    assert len(item.sha256) == 64 and item.size > 0
    assert all(source.startswith("pip:") and "#" in source for source in item.sources)


@pytest.mark.parametrize("name", weights.WEIGHTS)
def test_the_shipped_rows_load(name):
    assert len(weights.load(name)) == weights.WEIGHTS[name].size
