# `make run` and `make test` set up whatever they need. Set PYTHON=... for another interpreter than python3.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
CAREFUL_HOME ?= $(CURDIR)/.careful
BIN := $(CURDIR)/.venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
LOCKED := .venv/.locked
INSTALLED := .venv/.installed

export DAGSTER_DISABLE_TELEMETRY := 1
export GX_ANALYTICS_ENABLED := false
export PIP_ROOT_USER_ACTION := ignore
# `dg` warns of any other environment than the project's own.
export VIRTUAL_ENV := $(CURDIR)/.venv
unexport PYTHONPATH PYTHONHOME

.PHONY: help run test bench ui soak check lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: $(INSTALLED) ## Take the demo dataset through its whole life
	@$(BIN)/careful run product_complaints

# A worker a core: libraries that spread over all cores as well only get in each other's way.
test: export POLARS_MAX_THREADS := 1
test: export OMP_NUM_THREADS := 1
test: export OPENBLAS_NUM_THREADS := 1
test: $(INSTALLED) ## Run the tests
	@$(BIN)/python -m pytest -q -m "not soak" --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

soak: $(INSTALLED) ## Run the long statistical and fault tests
	@$(BIN)/python -m pytest -q -m soak

bench: $(INSTALLED) ## Measure beside peers
	@$(BIN)/python -m careful_assets_tests.benchmarks.import_time
	@$(BIN)/python -m careful_assets_tests.benchmarks.near_joining
	@$(BIN)/python -m careful_assets_tests.benchmarks.near_duplicates
	@$(BIN)/python -m careful_assets_tests.benchmarks.novelty
	@$(BIN)/python -m careful_assets_tests.benchmarks.leak_scan
	@$(BIN)/python -m careful_assets_tests.benchmarks.anchor_rows
	@$(BIN)/python -m careful_assets_tests.benchmarks.anchor_rows 1000000 near
	@$(BIN)/python -m careful_assets_tests.benchmarks.generation_client
	@$(BIN)/python -m careful_assets_tests.benchmarks.tracing

ui: export DAGSTER_HOME := $(abspath $(CAREFUL_HOME))/dagster
ui: $(INSTALLED) ## Serve Dagster on 127.0.0.1:3000
	@mkdir -p "$$DAGSTER_HOME"
	@[ -e "$$DAGSTER_HOME/dagster.yaml" ] || cp deploy/dagster.yaml "$$DAGSTER_HOME/dagster.yaml"
	@exec $(BIN)/dg dev --host 127.0.0.1 --port 3000

# `dg check defs` does not read workspace.yaml; `dagster definitions validate`, superseded, is all that does.
check: $(INSTALLED) ## Lint, check types, and load the code location both ways
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/dg check toml
	$(BIN)/dg check defs
	PYTHONWARNINGS='ignore:Function `definitions_validate_command`' \
	  $(BIN)/dagster definitions validate --log-level warning -w workspace.yaml
	$(BIN)/careful check

# Keeps the versions it finds; `make lock LOCK_FLAGS=--upgrade` takes new ones. pip 23.2 needs the extras (gql[requests])
# in the lock: else it takes the newest gql and finds no hash for it.
lock: UV := $(if $(wildcard .venv/bin/uv),.venv/bin/uv,uv)
lock: ## Write requirements.lock anew from pyproject.toml
	@$(UV) pip compile pyproject.toml --quiet --no-config --universal --python-version 3.11 --extra local --extra embed --extra dev \
	  --generate-hashes --no-annotate --no-strip-extras --no-emit-index-url --no-emit-find-links \
	  --custom-compile-command "make lock" --output-file requirements.lock $(LOCK_FLAGS)
	@! grep -nE '://|^--| @ ' requirements.lock || { echo "requirements.lock names an address" >&2; exit 1; }

clean: ## Remove the environment, builds and caches; keeps .careful
	@rm -rf .venv .peers dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -path ./.git -prune -o -path ./.careful -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +

# The stamp is written last, and --clear empties what an interrupted installation left.
$(LOCKED): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Python 3.11 or newer is needed, and '$(PYTHON)' is not: $$($(PYTHON) --version 2>&1 || true)." >&2; \
	  echo "Name another one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@echo "Setting up .venv (1 to 3 minutes, 2 GB)"
	@$(PYTHON) -m venv --clear .venv
	@$(PIP) install --progress-bar off --require-hashes -r requirements.lock 2>&1 | tee .venv/install.log | \
	  awk -v live="$$([ -t 1 ] && echo 1 || echo 0)" ' \
	    /^(Collecting|Processing) / { n++; if (live) { printf "\r  found %d packages", n; fflush() } } \
	    /^Installing collected/ { printf "%s  installing %d packages\n", live ? "\r" : "", NF - 3; fflush() } \
	    /^ERROR/ { print; fflush() }' || { \
	  echo "The installation failed; pip's output is in .venv/install.log" >&2; exit 1; }
	@touch $@

$(INSTALLED): $(LOCKED) pyproject.toml
	@$(PIP) install --quiet --no-deps --no-build-isolation --no-index --editable .
	@touch $@
