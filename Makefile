# make demo   the quickstart notebook, run for real: its ten best runs and the Production model
# make lab    JupyterLab on the notebooks
# make check  the fast checks;  make test  everything;  make bench  nbtrack beside other trackers;  make bench-frameworks  beside mlflow;  make bench-screens  the widgets;  make bench-live  the live run
# make docs   the documentation site, in build/site
# make soak   the durability tests at full length: 200 rounds of SIGKILL, 60 s of a crowd; its report is tests/durability/soak.txt

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= $(or $(shell command -v python3.11),python3)
VENV   := .venv
BIN    := $(VENV)/bin
JOBS   ?= 2
ENV    := $(VENV)/.made
JS     := $(shell find js package.json package-lock.json tsconfig.json .npmrc -type f 2>/dev/null)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export JUPYTER_PLATFORM_DIRS := 1

# $(call step,WHAT,COMMAND): prints what is being done and how long it took, and the command's output only if it fails.
step = @start=$$SECONDS; log=$$(mktemp); printf '%s … ' "$(1)"; \
	if { $(2); } >"$$log" 2>&1; then printf '%d s\n' $$((SECONDS - start)); rm -f "$$log"; \
	else printf 'failed:\n'; cat "$$log"; rm -f "$$log"; exit 1; fi
# The same in one print, for checks that run side by side.
check = @start=$$SECONDS; log=$$(mktemp); \
	if { $(2); } >"$$log" 2>&1; then printf '%s … %d s\n' '$(1)' $$((SECONDS - start)); rm -f "$$log"; \
	else printf '%s … failed:\n%s\n' '$(1)' "$$(cat "$$log")"; rm -f "$$log"; exit 1; fi
# Installs this checkout in editable mode, with the extras that EXTRAS names.
install = $(call step,Installing nbtrack[$(EXTRAS)],$(dir $@)bin/python -m pip install --quiet --editable '.[$(EXTRAS)]')

.PHONY: help demo lab static check test soak bench bench-frameworks bench-screens bench-live docs screenshots chromium postgres clean

help:
	@sed -n 's/^# //p' Makefile | head -5

# ------------------------------------------------------------- environment

$(ENV): Makefile
	$(call step,Creating $(VENV) with $(PYTHON),$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "nbtrack needs Python 3.11 or newer, this is " + sys.version)' && { test -x $(BIN)/python || $(PYTHON) -m venv $(VENV); })
	@touch $@

node_modules/.package-lock.json: package-lock.json
	$(call step,Installing the JavaScript packages,npm ci --no-audit --no-fund --loglevel=error)
	@touch $@

build/js: node_modules/.package-lock.json $(JS)
	$(call step,Building the JavaScript,npm run build)
	@mkdir -p $(@D) && touch $@

# Editable installs copy the JupyterLab extension, so a new bundle is a new install.
INSTALLED := $(ENV) build/js pyproject.toml hatch_build.py
$(VENV)/.notebooks: EXTRAS := notebooks
$(VENV)/.notebooks: $(INSTALLED)
	$(install)
	@touch $@
$(VENV)/.lab: EXTRAS := lab,notebooks
$(VENV)/.lab: $(INSTALLED)
	$(install)
	@mkdir -p $(VENV)/etc/jupyter/labconfig
	@echo '{"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": true}}' > $(VENV)/etc/jupyter/labconfig/page_config.json
	@touch $@
$(VENV)/.docs: EXTRAS := docs
$(VENV)/.docs: $(INSTALLED)
	$(install)
	@touch $@
$(VENV)/.dev: EXTRAS := dev
$(VENV)/.dev: $(INSTALLED)
	$(install)
	@touch $@ $(VENV)/.docs $(VENV)/.lab $(VENV)/.notebooks

# $(call debian,WHAT,WHAT NEEDS IT,PACKAGE,COMMAND THAT SUCCEEDS IF IT IS INSTALLED): installs a Debian package if it is missing.
debian = @{ $(4); } >/dev/null 2>&1 || { \
	if ! command -v apt-get >/dev/null; then sudo=none; elif [ "$$(id -u)" = 0 ]; then sudo=; elif sudo -n true 2>/dev/null; then sudo=sudo; else sudo=none; fi; \
	if [ "$$sudo" = none ]; then echo '$(2) need $(1). Install it (on Debian and Ubuntu: sudo apt-get install $(3)) and run make again.' >&2; exit 1; fi; \
	printf 'Installing $(1) … '; log=$$(mktemp); \
	if { $$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends $(3); } >"$$log" 2>&1; then echo done; else echo failed:; cat "$$log"; exit 1; fi; }

chromium:
	$(call debian,Chromium,The browser tests,chromium,command -v chromium || command -v google-chrome)

postgres:
	$(call debian,PostgreSQL,The conformance tests of the store,postgresql,command -v initdb || ls /usr/lib/postgresql/*/bin/initdb)

# ----------------------------------------------------------------- targets

demo: $(VENV)/.notebooks
	@$(BIN)/python notebooks/demo.py build/demo

lab: $(VENV)/.lab
	@$(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) --ServerApp.root_dir=notebooks --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate

# Side by side, the longest first: the specs mostly wait, and the types of Python take as long as the rest.
static: $(VENV)/.dev
	@$(MAKE) --no-print-directory --jobs=3 $(STATIC)

STATIC := js-specs python-types python-style layers js-types js-style
.PHONY: $(STATIC)
js-specs:
	$(call check,TypeScript tests,npm test)
python-types:
	$(call check,Python types (mypy),$(BIN)/mypy)
python-style:
	$(call check,Python style (ruff),$(BIN)/ruff check && $(BIN)/ruff format --check)
layers:
	$(call check,Layers (import-linter),$(BIN)/lint-imports)
js-types:
	$(call check,TypeScript types (tsc),npm run --silent typecheck)
js-style:
	$(call check,JavaScript style (biome),npm run --silent lint)

check: postgres static
	@$(BIN)/pytest -q -n $(JOBS) --dist loadfile -m 'not slow' --ignore=tests/browser --ignore=tests/notebooks

test: chromium postgres static
	@$(BIN)/pytest -n $(JOBS) --dist loadfile

soak: $(VENV)/.dev
	@NBTRACK_SOAK=1 $(BIN)/python -m tests.durability.soak tests/durability/soak.txt

# About 20 minutes and 2 GB of temporary files. BENCH=--quick checks that it works, BENCH='--only nbtrack' leaves the others out.
bench: $(VENV)-bench/.made
	@PYTHONPATH=. $(VENV)-bench/bin/python -m tests.benchmarks build/bench $(BENCH)

# Models, autologging and serving beside mlflow: about 4 minutes.
bench-frameworks: $(VENV)/.dev
	@PYTHONPATH=. $(BIN)/python -m tests.benchmarks.frameworks build/bench $(BENCH)

# The comparison in JupyterLab in Chromium: about 2 minutes.
bench-screens: chromium $(VENV)/.dev
	@PYTHONPATH=. $(BIN)/python -m tests.benchmarks.screens build/bench $(BENCH)

# What the live view costs the training loop, in a kernel without a page: about 10 minutes.
bench-live: $(VENV)/.dev
	@PYTHONPATH=. $(BIN)/python -m tests.benchmarks.live $(BENCH)

# Strict: a dead link, a missing picture or a name that does not exist fails the build.
docs: $(VENV)/.docs
	$(call step,Building the documentation,$(BIN)/python tests/guide/build_site.py)
	@echo 'The site is in build/site. To read it: $(BIN)/python -m http.server --directory build/site'

screenshots: chromium $(VENV)/.dev
	@$(BIN)/python -m tests.browser.screenshots build/screenshots

$(VENV)-bench/.made: EXTRAS := bench
$(VENV)-bench/.made: $(INSTALLED)
	$(call step,Creating $(VENV)-bench,$(PYTHON) -m venv $(VENV)-bench)
	$(install)
	@touch $@

clean:
	rm -rf build dist lib node_modules $(VENV) $(VENV)-bench src/nbtrack/static src/nbtrack/labextension
