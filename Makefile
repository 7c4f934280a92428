# Everything a person needs: `make run` and `make test`. `make help` tells the rest.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup run test check format bench bench-compare screens lock wheel clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv with everything locked (the other targets call it)

$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Skill Workbench needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Say which one to use: make PYTHON=python3.12 setup" if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

run: setup ## set up what is missing, then open the app on the shipped skills (without a terminal: list them)
	@if [ -t 0 ] && [ -t 1 ]; then $(BIN)/workbench app $(ARGS); else $(BIN)/workbench list; fi

test: setup ## run the tests (ARGS="-k words" narrows them)
	@$(BIN)/python -m pytest $(ARGS)

check: setup ## format, lint, types, import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: setup ## rewrite the sources in the house's format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: setup ## measure, and print one JSON document with gates and baselines
	@$(BIN)/python -m bench $(ARGS)

bench-compare: setup ## say what got slower: make bench-compare OLD=a.json NEW=b.json
	@$(BIN)/python -m bench.compare $(OLD) $(NEW)

screens: setup ## draw every pane as a picture into screens/
	@$(BIN)/python -m bench.screens screens

lock: setup ## resolve the dependencies again and rewrite requirements/
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock" --extra syntax pyproject.toml -o requirements/runtime.txt $(ARGS)
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock" --group dev --extra syntax pyproject.toml -o requirements/dev.txt $(ARGS)

wheel: setup ## build dist/*.whl
	@rm -rf dist
	@$(BIN)/uv build --quiet --wheel --no-build-isolation --python $(BIN)/python --out-dir dist

clean: ## remove everything that can be made again
	@rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
