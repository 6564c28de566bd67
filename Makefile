# Every target does its own set-up, with nothing but Python >= 3.11 and make: exact versions, checked
# against the hashes in requirements/*.txt. Environments are made again only when those files change.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
export UV_PYTHON_DOWNLOADS := never
# Trust what the system trusts, where it says so: a network may have an authority of its own.
certificates := $(firstword $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/ssl/cert.pem /etc/pki/tls/cert.pem))
export UV_SYSTEM_CERTS ?= $(if $(certificates),true,false)

# ARGS goes to the program that the target runs: make test ARGS="-k diff"
ARGS ?=
# The other Pythons that the suite runs on, with fewer examples, where they are found: make test PYTHONS=
PYTHONS ?= 3.12 3.13
# Processes of one test run.
JOBS ?= 2
# Tests of one xdist_group stay together: they share what is dear to make.
WORKERS := -n $(JOBS) --dist loadgroup

# uv from PATH if it runs there, else one of our own.
UV := $(if $(shell uv --version 2>/dev/null),uv,.tools/bin/uv)
NEED_UV := $(filter .tools/bin/uv,$(UV))
BIN := .venv/bin

# $(call environment,DIR,PYTHON): makes the environment DIR with PYTHON unless one that runs is there.
environment = $(1)/bin/python -c '' 2>/dev/null || $(UV) venv --quiet --clear --python "$(2)" $(1)
# $(call sync,DIR,FILE): DIR gets what the lock FILE says and nothing else.
sync = $(UV) pip sync --quiet --python $(1)/bin/python --require-hashes $(2)
# $(call editable,DIR): the project itself; the lock holds its build backend, so nothing is fetched.
editable = $(UV) pip install --quiet --python $(1)/bin/python --no-deps --no-build-isolation --editable .
any_python = $$(.ci/find-python)

.PHONY: help
help: ## Show this list
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

.PHONY: demo
demo: .venv/.run ## Watch a record fill in, from a recorded model: no key, no network
	@$(BIN)/python examples/demo.py $(ARGS)

.PHONY: web
web: .venv/.web ## Watch the same on a page, in as many tabs as you like: prints a URL
	@$(BIN)/python examples/web/app.py $(ARGS)

.PHONY: test
test: .venv/.dev ## Run the tests, with coverage; then on Python 3.12 and 3.13 where they are found
	$(BIN)/python -m pytest $(WORKERS) $(if $(ARGS),,--cov --cov-report=term) $(ARGS)
	@main=$$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	for version in $(filter-out .,$(PYTHONS)); do \
	    [ $$version = $$main ] && continue; \
	    .ci/find-python $$version >/dev/null || { echo "Python $$version: not found, not tested"; continue; }; \
	    echo "Python $$version:"; \
	    $(MAKE) .venv-$$version/.dev && STREAMKIT_EXAMPLES=few .venv-$$version/bin/python -m pytest -q $(WORKERS) $(ARGS) || exit 1; \
	done

.PHONY: lint
lint: .venv/.dev ## Check style, types (pyright and mypy, both strict) and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: house
house: .venv/.dev ## Draw the packages and their imports into docs/pictures/house.svg
	$(BIN)/python docs/pictures/house.py

.PHONY: fmt
fmt: .venv/.dev ## Format the code and fix what can be fixed by itself
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: bench
bench: .venv-bench/.done ## Measure, beside the libraries that people use otherwise
	.venv-bench/bin/python tests/bench $(ARGS)

.PHONY: instructions
instructions: .venv-bench/.done ## Count instructions with valgrind, of two commits: ARGS="main HEAD"
	.venv-bench/bin/python tests/bench/instructions.py $(ARGS)

.PHONY: fuzz
fuzz: .venv-fuzz/.done ## Fuzz the JSON machine and typed streams, a minute each: ARGS="text -runs=1000000"
	.venv-fuzz/bin/python tests/fuzz $(ARGS)

.PHONY: docs
docs: .venv-docs/.done ## Build the documentation into site/
	.venv-docs/bin/zensical build --clean --strict $(ARGS)

.PHONY: lock
lock: export UV_CUSTOM_COMPILE_COMMAND := make lock
lock: $(NEED_UV) ## Write requirements/*.txt anew; ARGS=--upgrade for newer versions
	$(call compile,--group uv,uv)
	$(call compile,--group docs,docs)
	$(call compile,--all-extras --group dev pyproject.toml,dev)
	$(call compile,--extra console --group build --constraints requirements/dev.txt pyproject.toml,run)
	$(call compile,--extra web --group serve --group build --constraints requirements/dev.txt pyproject.toml,web)
	$(call compile,--group bench pyproject.toml,bench)
	$(call compile,--group fuzz --constraints requirements/dev.txt pyproject.toml,fuzz)
# Universal, so that one file serves every system and Python; no address, so that it serves every index.
compile = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	$(ARGS) $(1) --output-file requirements/$(2).txt

.PHONY: clean
clean: ## Remove everything that was made here
	rm -rf .tools .venv .venv-* build dist site .coverage* .hypothesis .*_cache .cache *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +

.tools/bin/uv: requirements/uv.txt
	@python=$(any_python) && rm -rf .tools && \
	{ "$$python" -m venv .tools || { echo "$$python cannot make environments: install its venv module, or uv" >&2; exit 1; }; }
	@.tools/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

# Only what the demo imports: quick to set up, and a part of what .dev brings.
.venv/.run: requirements/run.txt | $(NEED_UV)
	@python=$(any_python) && $(call environment,.venv,$$python)
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r $<
	@$(call editable,.venv)
	@touch $@

# As .run, for the page.
.venv/.web: requirements/web.txt | $(NEED_UV)
	@python=$(any_python) && $(call environment,.venv,$$python)
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r $<
	@$(call editable,.venv)
	@touch $@

.venv/.dev: requirements/dev.txt | $(NEED_UV)
	@python=$(any_python) && $(call environment,.venv,$$python)
	@$(call sync,.venv,$<)
	@$(call editable,.venv)
	@touch .venv/.run .venv/.web $@

.venv-bench/.done: requirements/bench.txt | $(NEED_UV)
	@python=$(any_python) && $(call environment,.venv-bench,$$python)
	@$(call sync,.venv-bench,$<)
	@$(call editable,.venv-bench)
	@touch $@

.venv-fuzz/.done: requirements/fuzz.txt | $(NEED_UV)
	@python=$(any_python) && $(call environment,.venv-fuzz,$$python)
	@$(call sync,.venv-fuzz,$<)
	@$(call editable,.venv-fuzz)
	@touch $@

.venv-docs/.done: requirements/docs.txt | $(NEED_UV)
	@python=$(any_python) && $(call environment,.venv-docs,$$python)
	@$(call sync,.venv-docs,$<)
	@touch $@

.venv-%/.dev: requirements/dev.txt | $(NEED_UV)
	@python=$$(.ci/find-python $*) && $(call environment,.venv-$*,$$python)
	@$(call sync,.venv-$*,$<)
	@$(call editable,.venv-$*)
	@touch $@
