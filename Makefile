# make demo    set everything up in .venv, then describe a still photo that was made to move
# make test    the same environment, and all tests
# make lint    ruff, mypy, import-linter
# make bench   speed, memory, comparisons, in .venv-bench
# make clean   remove the environments and what the demo wrote

# The first Python that runs and is new enough; or: make demo PYTHON=python3.12
PYTHON ?= $(shell for p in python3 python3.12 python3.11 python3.13 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
INSTALL := -m pip install --quiet --disable-pip-version-check -c constraints.txt
CORES ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench test-services clean

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

bench: .venv-bench/ready
	@for script in benchmarks/*.py; do \
		[ -e "$$script" ] || { echo "no scripts in benchmarks/"; exit 1; }; \
		echo "== $$script"; .venv-bench/bin/python "$$script" || exit 1; done

test-services:
	@echo "no services yet: they come with the serving issue"

clean:
	rm -rf .venv .venv-bench demo-output

.venv/bin/python:
	@[ -n "$(PYTHON)" ] || { echo "error: no Python 3.11 or newer found (make demo PYTHON=/path/to/python)" >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/demo: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python $(INSTALL) -e ".[demo]"
	@touch $@

.venv/dev: .venv/demo
	$(BIN)/python $(INSTALL) -e ".[dev]"
	@touch $@

.venv-bench/ready: pyproject.toml constraints.txt $(wildcard benchmarks/requirements.txt)
	@[ -n "$(PYTHON)" ] || { echo "error: no Python 3.11 or newer found (make bench PYTHON=/path/to/python)" >&2; exit 1; }
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python $(INSTALL) -e ".[demo]" $(patsubst %,-r %,$(wildcard benchmarks/requirements.txt))
	@touch $@
