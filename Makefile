# `make help` lists the targets. A sample is named like this: SAMPLE=sqlite3.

PYTHON ?= python3
PORT ?= 8000
VENV ?= .venv
BIN = $(abspath $(VENV))/bin
READY = $(VENV)/.ready

.DEFAULT_GOAL = help
.PHONY: help run test test-fast lint clean

help: ## List the targets.
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12

# Installs again only when a requirements file has changed.
$(READY): requirements.txt $(wildcard samples/*/requirements.txt)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or later is needed: make PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade -r requirements.txt
	@touch $@

run: $(READY) ## Serve one sample with debugger and reloader: SAMPLE=NAME.
ifdef SAMPLE
	@cd samples/$(SAMPLE) && exec $(BIN)/flask --app app run --debug --port $(PORT)
else
	@echo "Which one? For example: make run SAMPLE=sqlite3"
	@ls -1 samples | grep -v '\.py$$'
endif

test: lint ## Prove everything: all samples, all promises.
	$(BIN)/python -m pytest -n auto

test-fast: $(READY) ## Run the samples' own tests only.
	$(BIN)/python -m pytest -n auto tests/test_own.py -k own_tests

lint: $(READY) ## Check style and format.
	$(BIN)/ruff check
	$(BIN)/ruff format --check

clean: ## Remove the environment, data of the samples, and caches.
	rm -rf $(VENV) .ruff_cache samples/*/instance
	find samples tests -name __pycache__ -prune -exec rm -rf {} +
