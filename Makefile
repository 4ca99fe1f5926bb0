# Everything here needs only Python 3.11 or newer, pip and make; see deploy/bootstrap.py.
CANDIDATES := python3 python3.13 python3.12 python3.14 python3.11 python
PYTHON ?= $(shell for p in $(CANDIDATES); do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VPY := .venv/bin/python
NEED_PYTHON = @$(or $(PYTHON),false) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
  { echo "Burnish needs Python 3.11 or newer: install it, or name it with PYTHON=…"; exit 1; }

.PHONY: help demo run setup test lint format types unit e2e pictures sentences clean

help:      ## this list
	@sed -n 's/^\([a-z0-9]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

demo:      ## set up, seed the demo, run everything, print the address
	$(NEED_PYTHON)
	@$(PYTHON) deploy/bootstrap.py demo

run:       ## the same without the demo's data
	$(NEED_PYTHON)
	@$(PYTHON) deploy/bootstrap.py run

setup:     ## .venv with all packages, and the browser side built into static/dist
	$(NEED_PYTHON)
	@$(PYTHON) deploy/bootstrap.py setup

test: setup ## everything that is checked: style, types, migrations, Python, browser side, browser
	@$(VPY) deploy/verify.py

lint:      ## ruff, without changing anything
	@$(VPY) deploy/verify.py style

types:     ## mypy and the TypeScript compiler
	@$(VPY) deploy/verify.py types

unit:      ## Python and TypeScript tests without the browser
	@$(VPY) deploy/verify.py python vitest

e2e:       ## browser tests
	@$(VPY) deploy/verify.py browser

format:    ## let ruff format and mend
	@$(VPY) -m ruff check --fix . && $(VPY) -m ruff format .

pictures:  ## take the pictures of docs/img/ again, in a real browser
	@$(VPY) -m tests.e2e.pictures

sentences: ## bring the German catalogue up to date with the sources, and compile it
	@$(VPY) -m tests.labeling.translated

clean:     ## remove what was built, but neither data (var/) nor .venv
	@rm -rf static/dist frontend/node_modules build .mypy_cache .ruff_cache .pytest_cache
