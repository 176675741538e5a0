# The first and only command on a fresh machine can be `make demo` or `make test`: each sets up all it needs.
PYTHON ?= python3
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d%d" % sys.version_info[:2])' 2>/dev/null)
LOCK := requirements/py$(VERSION).txt
BIN := .venv/bin
READY := .venv/ready-py$(VERSION)
BENCH_BIN := .venv-bench/bin
BENCH_READY := .venv-bench/ready-py$(VERSION)

.PHONY: demo test lint bench docs lock clean help

help:
	@echo 'make demo    judge the example inventory and write its report'
	@echo 'make test    run the tests'
	@echo 'make lint    style, types and layers'
	@echo 'make bench   compare with the rule engines people would use instead'
	@echo 'make docs    write the generated reference pages and check the docs'

$(LOCK):
	@echo "Steelyard needs Python 3.11, 3.12 or 3.13; $(PYTHON) is not one of them. Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2
	@exit 3

$(READY): $(LOCK) pyproject.toml
	@rm -rf .venv
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCK)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY)
	@$(BIN)/python scripts/demo.py

test: $(READY)
	@scripts/system-packages.sh
	$(BIN)/python -m pytest -n 2

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(BENCH_READY): requirements/bench-py$(VERSION).txt pyproject.toml
	@rm -rf .venv-bench
	$(PYTHON) -m venv .venv-bench
	$(BENCH_BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench-py$(VERSION).txt
	$(BENCH_BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

bench: $(BENCH_READY)
	$(BENCH_BIN)/python bench/run.py

docs: $(READY)
	$(BIN)/python scripts/docs.py

lock:
	scripts/lock.sh

clean:
	rm -rf .venv .venv-bench out .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
