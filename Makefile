# Every target sets up what it needs: a virtual environment in .venv with the locked dependencies.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
MYPY_PATHS := runtime generator generated services demo tests/support

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-broker run generate check test bench faults docs lock format clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(READY) ## Create .venv with every extra and the development tools

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Headwater needs Python 3.11 or newer; name one with: make PYTHON=python3.11" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) \
	  || { echo "Python's venv module is missing; on Debian: apt-get install python3-venv" >&2; exit 2; }
	@echo "Installing the locked dependencies into $(VENV) (once, about a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: generate ## Generate the sample service, run it, send it commands, watch; DATABASE_URL=postgresql://... for there
	@$(if $(DATABASE_URL),HEADWATER_DATABASE='$(DATABASE_URL)' )$(BIN)/python -m demo

demo-broker: generate ## Two services over RabbitMQ, which is killed in the middle; none installed: HEADWATER_BROKER=amqp://...
	@$(BIN)/python -m demo.across_services

run: generate ## Serve the sample: commands over HTTP on http://127.0.0.1:8000, docs at /docs
	@$(BIN)/headwater run services.user_service

generate: $(READY) ## Bring generated/ and the spec reference up to date with spec/
	@$(BIN)/headwater generate
	@$(BIN)/python -m headwater_generator.grammar.docs

check: $(READY) ## Lint, types, import layers, and whether generated files are up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(MYPY_PATHS)
	$(BIN)/lint-imports --no-cache
	$(BIN)/headwater generate --check
	$(BIN)/python -m headwater_generator.grammar.docs --check
	@! grep -nE 'https?://' requirements.lock || { echo "requirements.lock names a registry" >&2; exit 1; }

test: $(READY) ## Run the tests
	$(BIN)/python -m pytest -n 2 $(PYTEST_ARGS)

bench: $(READY) ## Measure, as ratios against peers in one run; BENCH_ARGS="appends" for a part
	$(BIN)/python -m tests.bench $(BENCH_ARGS)

faults: $(READY) ## The long versions of the fault and canary tests; ROW=F1 for a row, or ROW=F1,S1
	$(BIN)/python -m pytest -n 2 tests/faults tests/integration/test_migrations.py --whole $(if $(ROW),--row $(ROW)) $(PYTEST_ARGS)

docs: $(READY) ## Write the generated pages of docs/
	$(BIN)/python -m headwater_generator.grammar.docs

format: $(READY) ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: ## Resolve the dependencies anew into requirements.lock (needs uv)
	uv pip compile --quiet pyproject.toml --all-extras --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-header --upgrade -o requirements.lock

clean: ## Remove the environment and everything derived
	rm -rf $(VENV) .headwater .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
