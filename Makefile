# Every target makes what it needs, and makes nothing twice. PYTHON is 3.11 or newer.

PYTHON ?= python3
RUN ?= runs/demo
BIN := .venv/bin
READY := .venv/.done

.DEFAULT_GOAL := help
.PHONY: help demo test lint review clean

help:
	@echo "make demo              a complete study on an invented cohort, in runs/demo"
	@echo "make review RUN=DIR    the reading room of a run (RUN is runs/demo if left out)"
	@echo "make test              every test"
	@echo "make lint              style and types"
	@echo "make clean             remove .venv and caches; runs stay"

# torch goes first, so that a build of it chosen beforehand is not replaced.
$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "torch>=2.9,<2.14"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	@touch $@

demo: $(READY)
	$(BIN)/clinmm demo --out runs/demo

review: $(READY)
	$(BIN)/clinmm review $(RUN)

test: $(READY)
	$(BIN)/python -m pytest

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
