# `make help` lists the targets. Name a sample like this: SAMPLE=sqlite3.

PYTHON ?= python3
PORT ?= 8000
VENV ?= .venv
BIN = $(VENV)/bin
PYTEST = "$(BIN)/python" -m pytest
SAMPLES = $(notdir $(patsubst %/app.py,%,$(wildcard samples/*/app.py)))
REQUIREMENTS = requirements.txt $(wildcard samples/*/requirements.txt)

.DEFAULT_GOAL = help
.PHONY: help run test test-all exercise solution check site bench lint test-lowest \
	test-newest test-upstream clean known

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

site: $(VENV)/.deep ## Write the gallery into the folder site, without a server.
	@PYTHONPATH=tests "$(BIN)/python" tests/deep/freeze.py

bench: $(VENV)/.deep ## Measure what each pattern costs, or ONLY="requests".
	@QUICK=$(QUICK) PYTHONPATH=tests "$(BIN)/python" -m bench $(ONLY)

lint: $(VENV)/.test ## Check style and format.
	@"$(BIN)/ruff" check
	@"$(BIN)/ruff" format --check

test-lowest: ## Prove all samples with the oldest versions allowed.
	$(call new,.venv-lowest)
	@cp tests/lowest.toml .venv-lowest/uv.toml
	$(call test_in,.venv-lowest,tests/deep/requirements.txt,test-all)

test-newest: ## Prove all samples with the newest versions allowed.
	$(call new,.venv-newest)
	@touch .venv-newest/uv.toml
	$(call test_in,.venv-newest,tests/deep/requirements.txt,test-all)

test-upstream: ## Prove them with folders or URLs: FLASK=... WERKZEUG=...
	$(call new,.venv-upstream)
	@.venv-upstream/bin/python -m pip wheel --quiet --no-deps \
		--wheel-dir .venv-upstream/wheels $(FLASK) $(WERKZEUG)
	@cd .venv-upstream && bin/python -c "$(OVERRIDE)" > uv.toml
	$(call test_in,.venv-upstream,tests/requirements.txt,test)

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

# These environments are new each time. The file uv.toml in them decides on
# versions, for the environments that the tests create as well.
define new
@echo "Installing into $(1), with uv ..."
@$(PYTHON) -m venv --clear $(1)
@$(1)/bin/python -m pip install --quiet uv
endef

define test_in
@export UV_CONFIG_FILE="$(CURDIR)/$(1)/uv.toml"; \
$(1)/bin/uv pip install --quiet --compile-bytecode --python $(1) -r $(2) && \
touch $(1)/.run $(1)/.test $(1)/.deep && \
$(MAKE) $(3) VENV=$(1)
endef

# -- Helpers ----------------------------------------------------------------

ONE = $(if $(SAMPLE),--sample $(SAMPLE))
SECRET_KEY = import secrets; print('key-' + secrets.token_hex())
# Ctrl-C ends the server, and then the worker as well.
WORKER = "$(BIN)/celery" --workdir samples/celery -A app worker -l INFO & \
	worker=$$!; trap 'kill $$worker; wait $$worker' EXIT; trap : INT TERM;
CHECK_PYTHON = import sys; sys.version_info < (3, 11) and sys.exit('This \
	needs Python 3.11 or later. Name one: make PYTHON=python3.12 ...')

# Name the wheels of Flask and Werkzeug, whichever version a package demands.
OVERRIDE = from pathlib import Path; print('override-dependencies =', \
	[f'{wheel.name.partition(\"-\")[0]} @ {wheel.as_uri()}' \
	for wheel in Path('wheels').resolve().iterdir()])

known:
	@$(if $(filter-out $(SAMPLES),$(SAMPLE)),echo "There is no sample \
	$(SAMPLE). The samples are: $(SAMPLES)"; exit 1,:)
