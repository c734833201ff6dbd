"""What the numbers were measured on, and where they are kept: `benchmarks/results/NAME.json` and `NAME.txt`."""

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("facevlm", "ai-edge-litert", "av", "numpy", "opencv-python-headless", "mediapipe")


def machine() -> dict[str, Any]:
    """Processor, cores, load, versions and the command."""
    return {
        "command": " ".join(["python", *(Path(a).name if Path(a).is_absolute() else a for a in sys.argv)]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 1),  # above the share of this run: other work disturbed the numbers
        "python": platform.python_version(),
        "packages": {name: v for name in PACKAGES if (v := _version(name))},
        "commit": _commit(),
    }


def keep(name: str, where: dict[str, Any], results: Any, table: str) -> None:
    """Print the table and write both files."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps({"machine": where, "results": results}, indent=1) + "\n")
    about = "\n".join(f"# {key}: {value}" for key, value in where.items())
    (RESULTS / f"{name}.txt").write_text(f"{about}\n\n{table}\n")
    print(table)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=RESULTS.parent)
    return done.stdout.strip() or "unknown"
