# Everything a person needs; `make` alone lists it.
PYTHON ?= python3
FUZZ_SECONDS ?= 60
RUN := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help setup setup-tests demo up test check bench crash fuzz agt frameworks fmt clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: .setup/stamp  ## install what running needs
.setup/stamp: uv.lock pyproject.toml client/pyproject.toml deploy/setup.sh
	PYTHON=$(PYTHON) deploy/setup.sh
	@touch $@

setup-tests: .setup/stamp-tests
.setup/stamp-tests: .setup/stamp tests/exporters/package-lock.json
	deploy/setup.sh tests
	@touch $@

demo: setup  ## the console with a sample fleet and 30 days of sample history
	@$(RUN) -m collector demo --home demo-home

up: setup  ## the console for your own agents
	@$(RUN) -m collector up

test: setup setup-tests  ## every test
	$(RUN) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: setup  ## style, types, directions of imports
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/lint-imports
	.venv/bin/mypy

bench: setup  ## durable spans per second beside the limits of this machine
	$(RUN) benchmarks/run.py

crash: setup setup-tests  ## 300 simulated power cuts and 20 kills under load
	$(RUN) tests/crash/power.py --states 300 --json benchmarks/power.json
	$(RUN) tests/crash/kills.py --kills 20 --json benchmarks/kills.json

fuzz: setup  ## a minute of random requests, or FUZZ_SECONDS=600
	@mkdir -p test-artifacts
	$(RUN) -m tests.receive.fuzz -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=test-artifacts/fuzz-

agt: setup  ## the governance toolkit 3.7 and 5.0 under our bridge, recorded anew
	$(RUN) tests/frameworks/run_agt.py

frameworks: setup  ## run the real agent frameworks against a collector and record what they send
	nice -n 10 $(RUN) tests/frameworks/run.py
	$(RUN) tests/frameworks/document.py

fmt: setup  ## format code
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

clean:  ## remove what setup made
	rm -rf .venv .setup .frameworks
