# make demo    set everything up in .venv, then describe a still photo that was made to move
# make test    the same environment, and all tests
# make lint    ruff, mypy, import-linter
# make bench   speed, memory, resuming, MediaPipe: about an hour (CLIPS=videos, PHOTOS=faces, ANNOTATED=scored clips)
# make bench-tracking   face tracking against ByteTrack, OC-SORT and BoT-SORT on filmed scenes (PHOTOS=faces)
# make clean   remove the environments and what the demo wrote

# The first Python that runs and is new enough; or: make demo PYTHON=python3.12
PYTHON ?= $(shell for p in python3 python3.12 python3.11 python3.13 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
INSTALL := -m pip install --quiet --disable-pip-version-check -c constraints.txt
CORES ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench bench-tracking test-services clean

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

demo: .venv/demo
	$(BIN)/facevlm weights fetch
	$(BIN)/facevlm demo

test: .venv/dev
	$(BIN)/facevlm weights fetch
	$(BIN)/python -m pytest -n $(CORES)

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

BENCH := .venv-bench/bin/python
ON_CLIPS = $(if $(CLIPS),--clips "$(CLIPS)")

bench: .venv-bench/ready .venv-mediapipe/ready .venv-coco/ready
	.venv-bench/bin/facevlm weights fetch
	$(BENCH) benchmarks/speed.py $(ON_CLIPS)
	$(BENCH) benchmarks/mediapipe_parity.py $(ON_CLIPS) --oracle .venv-mediapipe/bin/python
	$(BENCH) benchmarks/mediapipe_speed.py $(ON_CLIPS) --oracle .venv-mediapipe/bin/python
	$(if $(PHOTOS),$(BENCH) benchmarks/puppet_events.py film --photos "$(PHOTOS)" --out build/bench-puppets --split test)
	$(if $(PHOTOS),$(BENCH) benchmarks/puppet_events.py score --out build/bench-puppets --split test)
	$(if $(ANNOTATED),$(BENCH) benchmarks/annotated_clips.py --clips "$(ANNOTATED)")
	$(if $(ANNOTATED),$(BENCH) benchmarks/described_clips.py --clips "$(ANNOTATED)")
	$(BENCH) benchmarks/text_metrics.py --oracle .venv-coco/bin/python
	$(BENCH) benchmarks/runner_overhead.py
	$(BENCH) benchmarks/fuzz_video.py
	$(BENCH) benchmarks/memory.py
	$(BENCH) benchmarks/long_video.py

bench-tracking: .venv-tracking/ready
	.venv-tracking/bin/facevlm weights fetch
	.venv-tracking/bin/python -m pytest tests/benchmarks
	.venv-tracking/bin/python benchmarks/tracking/run.py $(if $(PHOTOS),--photos "$(PHOTOS)")

test-services:
	@echo "no services yet: they come with the serving issue"

clean:
	rm -rf .venv .venv-bench .venv-coco .venv-mediapipe .venv-tracking
	rm -rf build/bench-clips build/bench-puppets build/bench-tracking demo-output

.venv/bin/python:
	@[ -n "$(PYTHON)" ] || { echo "error: no Python 3.11 or newer found (make demo PYTHON=/path/to/python)" >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/demo: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python $(INSTALL) -e ".[demo]"
	@touch $@

.venv/dev: .venv/demo
	$(BIN)/python $(INSTALL) -e ".[dev]"
	@touch $@

.venv-bench/ready: pyproject.toml constraints.txt
	@[ -n "$(PYTHON)" ] || { echo "error: no Python 3.11 or newer found (make bench PYTHON=/path/to/python)" >&2; exit 1; }
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python $(INSTALL) -e ".[demo,openai]"
	@touch $@

.venv-tracking/ready: benchmarks/tracking/requirements.txt pyproject.toml constraints.txt
	@[ -n "$(PYTHON)" ] || { echo "error: no Python 3.11 or newer found (make bench-tracking PYTHON=...)" >&2; exit 1; }
	$(PYTHON) -m venv .venv-tracking
	.venv-tracking/bin/python $(INSTALL) -e ".[demo]"
	.venv-tracking/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r $<
	@touch $@

# MediaPipe 0.10.21 has no wheel for Python 3.13; or: make bench MEDIAPIPE_PYTHON=/path/to/python3.12
MEDIAPIPE_PYTHON ?= $(shell for p in python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3, 9) <= sys.version_info < (3, 13))' 2>/dev/null && echo $$p && break; done)

.venv-mediapipe/ready: benchmarks/mediapipe_requirements.txt
	@[ -n "$(MEDIAPIPE_PYTHON)" ] || { echo "error: no Python 3.9 to 3.12 found (make bench MEDIAPIPE_PYTHON=...)" >&2; exit 1; }
	$(MEDIAPIPE_PYTHON) -m venv .venv-mediapipe
	.venv-mediapipe/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# Its tokenizer needs `java`, on which nothing else here depends.
.venv-coco/ready: benchmarks/coco_requirements.txt
	@[ -n "$(PYTHON)" ] || { echo "error: no Python 3.11 or newer found (make bench PYTHON=/path/to/python)" >&2; exit 1; }
	$(PYTHON) -m venv .venv-coco
	.venv-coco/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@
