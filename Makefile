# `make help` lists the targets. Name a sample like this: SAMPLE=sqlite3.

PYTHON ?= python3
PORT ?= 8000
VENV ?= .venv
BIN = $(VENV)/bin
PYTEST = "$(BIN)/python" -m pytest
SAMPLES = $(notdir $(patsubst %/app.py,%,$(wildcard samples/*/app.py)))
REQUIREMENTS = requirements.txt $(wildcard samples/*/requirements.txt)

.DEFAULT_GOAL = help
.PHONY: help run test test-all exercise solution check bench lint test-lowest \
	test-newest clean known

help: ## List the targets.
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

# One key for the whole run, so that a reload keeps sessions and CSRF tokens.
run: known $(VENV)/.run ## Serve all samples, or one with debugger: SAMPLE=NAME.
	@export FLASK_SECRET_KEY=$$("$(BIN)/python" -c "$(SECRET_KEY)"); \
	$(if $(filter celery,$(or $(SAMPLE),celery)),$(WORKER)) \
	"$(BIN)/flask" --app samples/$(or $(SAMPLE),gallery)/app run \
		--debug --port $(PORT)

test: known lint ## Prove all samples in two minutes, or one: SAMPLE=NAME.
	@echo "Running the tests of the samples, about two minutes ..."
	@$(PYTEST) -n auto --dist worksteal tests --ignore tests/deep $(ONE)

test-all: test $(VENV)/.deep ## Prove them with servers and a browser, too.
	@echo "Running the deep tests, about seven minutes ..."
	@$(PYTEST) -n auto tests/deep $(ONE)

exercise: $(VENV)/.test ## Make exercises/NAME, for a student: SAMPLE=NAME.
	@"$(BIN)/python" tests/workshop.py $(SAMPLE)

solution: known ## Compare exercises/NAME with the sample: SAMPLE=NAME.
	@$(PYTHON) tests/workshop.py $(SAMPLE) --solution

check: $(VENV)/.test ## Say whether this machine is ready for a workshop.
	@"$(BIN)/python" tests/workshop.py --check $(PORT)

bench: $(VENV)/.deep ## Measure what each pattern costs, or ONLY="boot lazy".
	@PYTHONPATH=tests "$(BIN)/python" -m bench $(ONLY)

lint: $(VENV)/.test ## Check style and format.
	@"$(BIN)/ruff" check
	@"$(BIN)/ruff" format --check

test-lowest: ## Prove all samples with the oldest versions allowed.
	$(call test_in,.venv-lowest,lowest-direct)

test-newest: ## Prove all samples with the newest versions allowed.
	$(call test_in,.venv-newest,highest)

clean: ## Remove the environments, the samples' data, and caches.
	rm -rf .venv .venv-* .ruff_cache site samples/*/instance
	find samples tests -name __pycache__ -prune -exec rm -rf {} +

# -- Environments -----------------------------------------------------------

# One environment grows with what you ask for, and again when a requirements
# file changes.
$(VENV)/.run: $(REQUIREMENTS)
	@$(PYTHON) -c "$(CHECK_PYTHON)"
	@echo "Installing the samples' requirements into $(VENV), half a minute ..."
	@$(PYTHON) -m venv $(VENV)
	$(call install,requirements.txt)

$(VENV)/.test: $(VENV)/.run tests/requirements.txt
	@echo "Installing the tools for the tests into $(VENV) ..."
	$(call install,tests/requirements.txt)

$(VENV)/.deep: $(VENV)/.test tests/deep/requirements.txt
	@echo "Installing the tools for the deep tests into $(VENV) ..."
	$(call install,tests/deep/requirements.txt)

define install
@"$(BIN)/python" -m pip install --quiet --upgrade -r $(1)
@touch $@
endef

define test_in
@echo "Installing into $(1), with uv --resolution $(2) ..."
@$(PYTHON) -m venv --clear $(1)
@$(1)/bin/python -m pip install --quiet uv
@$(1)/bin/uv pip install --quiet --compile-bytecode --python $(1) \
	--resolution $(2) -r tests/deep/requirements.txt
@touch $(1)/.run $(1)/.test $(1)/.deep
@UV_RESOLUTION=$(2) $(MAKE) test-all VENV=$(1)
endef

# -- Helpers ----------------------------------------------------------------

ONE = $(if $(SAMPLE),--sample $(SAMPLE))
SECRET_KEY = import secrets; print('key-' + secrets.token_hex())
# Ctrl-C ends the server, and then the worker as well.
WORKER = "$(BIN)/celery" --workdir samples/celery -A app worker -l INFO & \
	worker=$$!; trap 'kill $$worker; wait $$worker' EXIT; trap : INT TERM;
CHECK_PYTHON = import sys; sys.version_info < (3, 11) and sys.exit('This \
	needs Python 3.11 or later. Name one: make PYTHON=python3.12 ...')

known:
	@$(if $(filter-out $(SAMPLES),$(SAMPLE)),echo "There is no sample \
	$(SAMPLE). The samples are: $(SAMPLES)"; exit 1,:)
