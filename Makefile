# `make help` lists the targets. A sample is named like this: SAMPLE=sqlite3.

PYTHON ?= python3
PORT ?= 8000
VENV ?= .venv
BIN = $(abspath $(VENV))/bin
READY = $(VENV)/.ready

.DEFAULT_GOAL = help
.PHONY: help run exercise check-exercises test test-fast lint clean

help: ## List the targets.
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12

# Installs again only when a requirements file has changed.
$(READY): requirements.txt $(wildcard samples/*/requirements.txt)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or later is needed: make PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade -r requirements.txt
	@touch $@

run: $(READY) ## Serve all samples, or one with debugger: SAMPLE=NAME.
ifdef SAMPLE
	@cd samples/$(SAMPLE) && exec $(BIN)/flask --app app run --debug --port $(PORT)
else
	@(cd samples/celery && exec $(BIN)/celery -A app worker -l warning) & \
	worker=$$!; trap 'kill $$worker; wait $$worker' EXIT; trap : INT TERM; \
	cd samples/gallery && $(BIN)/flask --app app run --debug --port $(PORT)
endif

exercise: $(READY) ## Make exercises/NAME, to be filled in: SAMPLE=NAME.
	@$(BIN)/python tests/runner.py $(SAMPLE)

check-exercises: $(READY) ## Prove that all exercises fail until solved.
	$(BIN)/python -m pytest -n auto tests/test_exercises.py

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
