# `make up` and `make test` are all a newcomer needs; both build .venv and the corpus first, and do nothing twice.
# After a change of the code, `make test-quick` says within a minute whether something broke; `make test` says it for sure.
PYTHON ?= python3
UV := .venv/bin/uv
LOCKING := $(UV) pip compile --universal --upgrade --quiet --generate-hashes --no-emit-index-url --no-annotate --no-header
IN_PARALLEL := -n 2 --dist loadgroup --no-loadscope-reorder # two processes; tests/conftest.py says what runs together
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: up test test-quick test-stand-in bench bench-quick pictures lint format lock pipeline cassandra clean

up: ## from a fresh clone to the service on http://127.0.0.1:3000, or HOST=... PORT=...; build/up.log has all that it says
	@exec $(PYTHON) -m pipelines.up

test: pipeline ## the whole test suite; tests of a program that is not installed are skipped
	python -m pytest $(IN_PARALLEL)

test-quick: build/lstm/evaluation/metrics.json ## the tests that start no server, no Java, no nginx and no Redis, and train nothing
	python -m pytest -n 2 --dist worksteal -m "not system and not long"

build/lstm/evaluation/metrics.json: ## what some tests read; an older one will do
	$(MAKE) pipeline

test-stand-in: .venv/ready ## the pipeline's tests where the corpus cannot be had, in a temporary copy
	.ci/stand-in

bench: pipeline ## all benchmarks, beside what people would use instead: docs/benchmarks.md, its plot and its figures
	python -m registry init
	python -m tests.benchmarks

bench-quick: pipeline ## what became faster or slower since the commit BASE=..., beyond the noise; 5 minutes
	python -m tests.benchmarks.quick $(BASE)

pictures: pipeline ## docs/pictures, of the service with the registered versions; needs Chromium
	python -m tests.pictures

pipeline: .venv/ready ## corpus, stages, registered versions
	python -m pipelines.fetch
	dvc repro

cassandra: .venv/ready ## a local node for development, until Ctrl-C
	python -m tests.cassandra

lint: .venv/ready
	ruff check .
	ruff format --check .
	lint-imports --no-cache

format: .venv/ready
	ruff check --fix .
	ruff format .

lock: .venv/ready ## pin the newest versions that the floors in pyproject.toml allow
	echo uv | $(LOCKING) - -o requirements/uv.txt
	$(LOCKING) pyproject.toml -o requirements/serve.txt
	$(LOCKING) pyproject.toml --extra train --extra dev -o requirements/dev.txt

.venv/ready: requirements/dev.txt
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	$(UV) pip sync --quiet --compile-bytecode --require-hashes requirements/dev.txt
	touch $@

clean: ## what the stages and the service wrote; the corpus and DVC's cache stay
	rm -rf build dvc_plots mlflow.db* mlartifacts spam.db* spool.db* notify.db* versions
