# Every target builds what it needs first; a set-up that is done costs no time the second time.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
READY := $(VENV)/.ready
SUITE ?=
ARGS ?=
LOCKS := requirements/dev.txt requirements/runtime.txt $(wildcard demo/mcp-servers/package-lock.json)

# The first of these that starts, is new enough and can make virtual environments. Override: make PYTHON=...
FITS := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for each in python3.13 python3.12 python3.11 python3 python3.14 python; do \
	"$$each" -c '$(FITS)' 2>/dev/null && echo "$$each" && break; done)

.PHONY: help setup demo up test bench chaos gen lock lint check format clean unit store integration e2e architecture

help: ## print this help
	@echo 'Rookery, the control plane for fleets of AI agents'
	@echo
	@awk -F ':.*## ' '/^[a-z0-9 ]+:.*## / { count = split($$1, names, " "); \
		for (i = 1; i <= count; i++) printf "  make %-13s %s\n", names[i], $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(READY) ## build .venv from the locked requirements (and the npm MCP server, where there is Node)
	@:

$(READY): $(LOCKS) pyproject.toml tools/set_up.py
	@python="$(PYTHON)"; "$${python:-python3}" -c '$(FITS)' 2>/dev/null || { \
		echo "set-up: $${python:-python3} is not a Python 3.11 or newer with venv and ensurepip." >&2; \
		echo 'set-up: install one, or name it: make PYTHON=/path/to/python3.11' >&2; exit 1; }; \
	"$${python:-python3}" tools/set_up.py

demo: $(READY) ## start everything on free ports, run a real fleet through it, report, stop
	@exec $(VENV)/bin/python -m demo $(ARGS)

up: $(READY) ## start everything on the standard ports and stay up; data is kept in .rookery/
	@exec $(VENV)/bin/rookery up $(ARGS)

test: $(READY) ## every check and every test, as CI runs them
	@$(VENV)/bin/python -m tools.checks $(ARGS)

lint: $(READY) ## format, lint, types, walls, contract: everything that needs no test run
	@$(VENV)/bin/python -m tools.checks --static

check: lint ## the same as lint

format: $(READY) ## rewrite Python and proto files in the house format
	@$(VENV)/bin/ruff check --fix --select I --quiet .
	@$(VENV)/bin/ruff format .
	@$(VENV)/bin/buf format --write proto

bench: $(READY) ## run the benchmarks, all or one: make bench SUITE=rpc
	@exec $(VENV)/bin/python -m bench $(SUITE) $(ARGS)

chaos: $(READY) ## kill processes under load and judge what became of messages: make chaos ARGS='--seed 7 --seconds 600'
	@cd tests && exec ../$(VENV)/bin/python -m chaos $(ARGS)

gen: $(READY) ## write gen/ anew from proto/
	@$(VENV)/bin/python tools/generate.py

lock: $(READY) ## resolve requirements/*.in and the npm server anew: make lock ARGS=--upgrade
	@$(VENV)/bin/python tools/lock.py $(ARGS)

unit store integration architecture: $(READY) ## only these tests, such as make unit ARGS='-k lease'
	@exec $(VENV)/bin/python -m pytest tests/$@ $(ARGS)

e2e: $(READY) ## run the end-to-end tests over a freshly built wheel
	@$(VENV)/bin/python -m tools.checks --only e2e

clean: ## remove what building and testing left; .venv and .rookery/ stay
	@rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage .coverage.* .cache
	@find . -path ./$(VENV) -prune -o -path ./.rookery -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf
