# Plumbline's commands; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKSPACE ?= plumbline-workspace

.DEFAULT_GOAL := help
.PHONY: help install demo test lint format bench bench-alarms bench-charts bench-concept bench-estimates bench-fairness bench-memory lock clean

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(VENV)/.runtime: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Plumbline needs Python 3.11 or newer; this is $$($(PYTHON) --version). Set PYTHON=..."; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { echo "Making $(VENV) failed; on Debian and Ubuntu: sudo apt install python3-venv"; exit 2; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.development: $(VENV)/.runtime requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

install: $(VENV)/.runtime ## Make .venv and install Plumbline in it

demo: $(VENV)/.runtime ## Build the demo workspace and open the dashboard on 127.0.0.1:8501
	$(BIN)/plumbline demo --workspace $(WORKSPACE)

test: export PYTHONDONTWRITEBYTECODE = # the many processes of a run read what one has compiled
test: $(VENV)/.development lint ## Check style, types, imports and doctests, then run the tests
	$(BIN)/python -m pytest -q -n 2

lint: $(VENV)/.development ## Check style, types and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.development ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.development ## Measure speed, as ratios in one run, and write docs/benchmarks.md
	$(BIN)/python -m pytest -q tests/bench
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.bench.speed.run $(if $(filter 10,$(ROWS)),--large) $(if $(EVIDENTLY),--evidently $(EVIDENTLY)) $(if $(NANNYML),--nannyml $(NANNYML))

bench-memory: $(VENV)/.development ## Measure the memory of 10 million rows, and write it to docs/benchmarks.md
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.bench.speed.run --memory $(if $(EVIDENTLY),--evidently $(EVIDENTLY)) $(if $(NANNYML),--nannyml $(NANNYML))

bench-fairness: $(VENV)/.development ## Measure how far a fairness audit can be trusted, and write it to docs/
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.bench.fairness.run

bench-estimates: $(VENV)/.development ## Measure how far estimates without labels hold, and write docs/estimates.md
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.bench.estimates.run

bench-charts: $(VENV)/.development ## Chart real series, and write what was found to docs/
	$(BIN)/python -m tests.bench.charts_on_real_series

bench-concept: $(VENV)/.development ## Concept drift on streams whose truth is known, and write it to docs/
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.bench.concept.run

bench-alarms: $(VENV)/.development ## Count false alarms in streams whose truth is known, and write docs/false-alarms.md
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.bench.alarms.run $(if $(STREAMS),--streams $(STREAMS)) $(if $(PROCESSES),--processes $(PROCESSES)) $(if $(EVIDENTLY),--evidently $(EVIDENTLY)) $(if $(NANNYML),--nannyml $(NANNYML))

lock: ## Pin what pyproject.toml asks for (needs uv)
	uv pip compile --universal --generate-hashes --no-header --quiet --python-version 3.11 pyproject.toml --extra dev -o requirements-dev.txt
	uv pip compile --universal --generate-hashes --no-header --quiet --python-version 3.11 pyproject.toml --extra build -c requirements-dev.txt -o requirements.txt

clean: ## Remove .venv, caches and the demo workspace
	rm -rf $(VENV) $(WORKSPACE) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
