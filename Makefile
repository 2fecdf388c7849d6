# `make help` lists the targets. A sample is named like this: SAMPLE=sqlite3.

PYTHON ?= python3
PORT ?= 8000
VENV ?= .venv
BIN = $(abspath $(VENV))/bin
READY = $(VENV)/.ready

.DEFAULT_GOAL = help
.PHONY: help run exercise check-exercises test test-fast test-lowest test-newest bench lint clean

help: ## List the targets.
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

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

# Versions, in a new environment and in those that the tests make in turn.
test-lowest: ## Prove everything with the oldest versions allowed.
	$(call test_in,.venv-lowest,lowest-direct)

test-newest: ## Prove everything with the newest versions allowed.
	$(call test_in,.venv-newest,highest)

define test_in
$(PYTHON) -m venv --clear $(1)
$(1)/bin/python -m pip install --quiet uv
$(1)/bin/uv pip install --quiet --compile-bytecode --python $(1) --resolution $(2) \
	-r requirements.txt
@touch $(1)/.ready
UV_RESOLUTION=$(2) $(MAKE) test VENV=$(1)
endef

bench: $(READY) ## Measure what each pattern costs, or ONLY="boot lazy".
	PYTHONPATH=tests $(BIN)/python -m bench $(ONLY)

lint: $(READY) ## Check style and format.
	$(BIN)/ruff check
	$(BIN)/ruff format --check

clean: ## Remove the environment, data of the samples, and caches.
	rm -rf $(VENV) .venv-* .ruff_cache samples/*/instance
	find samples tests -name __pycache__ -prune -exec rm -rf {} +
