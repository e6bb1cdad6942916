# Start with `make demo` and `make test`. Each target first installs the environment that it needs, once.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := $(shell command -v uv 2>/dev/null)

ifdef UV
NEW_VENV = $(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)
INSTALL  = $(UV) pip install --quiet --compile-bytecode --python $(BIN)/python
else
NEW_VENV = $(PYTHON) -m venv $(VENV)
INSTALL  = $(BIN)/python -m pip install --quiet --disable-pip-version-check
endif

# Without this check, pip would say that a package has no such version.
SUPPORTED = import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else \
  "Python %d.%d: hpo needs 3.11 to 3.13; remove $(VENV) and run make PYTHON=python3.12 $(MAKECMDGOALS)" % v)

.DEFAULT_GOAL := help
.PHONY: help demo test compose-test check bench lock clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

# Stamps: one that is newer than its lock shows that the lock is installed, so nothing is installed twice.
$(VENV)/.runtime: requirements.lock pyproject.toml
	@echo "installing hpo into $(VENV) (TensorFlow is large: this takes a minute or two)"
	@$(NEW_VENV)
	@$(BIN)/python -c '$(SUPPORTED)'
	@$(INSTALL) --require-hashes -r requirements.lock
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock requirements-jax.lock $(VENV)/.runtime
	@$(INSTALL) --require-hashes -r requirements-dev.lock
	@$(INSTALL) --require-hashes --no-deps --upgrade --target $(VENV)/jax -r requirements-jax.lock
	@touch $@

# The embedded Postgres server does not run as root, so root's demo must be where another user can reach it.
DEMO_HOME := $(if $(filter 0,$(shell id -u)),/var/lib/hpo-demo/$(firstword $(shell pwd | cksum)),$(CURDIR)/demo/home)
DEMO := env -u HPO_DATABASE_URL HPO_HOME=$(DEMO_HOME) $(BIN)

demo: $(VENV)/.runtime data/digits ## search an SVM and a CNN on noisy digits, export the best CNN, score it
	@printf '\n$$ hpo run studies/svm.toml --workers 2\n'
	@$(DEMO)/hpo run studies/svm.toml --workers 2
	@printf '\n$$ hpo run studies/cnn-simple-coarse.toml --workers 2\n'
	@$(DEMO)/hpo run studies/cnn-simple-coarse.toml --workers 2
	@printf '\n$$ hpo status\n'
	@$(DEMO)/hpo status
	@printf '\n$$ hpo export cnn-simple-coarse -o demo/train.py\n'
	@$(DEMO)/hpo export cnn-simple-coarse -o demo/train.py
	@printf '\n$$ python demo/train.py --data data/digits/train.npy --test data/digits/test.npy --out demo\n'
	@$(BIN)/python demo/train.py --data data/digits/train.npy --test data/digits/test.npy --out demo
	@printf '\nWhere to look next:\n'
	@printf '  demo/train.py     the training script; try it with --verify\n'
	@printf '  studies/          the two studies; change a bound, give it a new name, run it\n'
	@printf '  hpo status svm    the result, after this:\n'
	@printf '    . $(BIN)/activate && export HPO_HOME=$(DEMO_HOME)\n'

data/digits: | $(VENV)/.runtime
	@$(BIN)/hpo data make data/digits

test: $(VENV)/.dev ## run all tests
	@$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal

compose-test: $(VENV)/.dev ## test Docker Compose from a clone to a restored backup (needs a Docker engine)
	@$(BIN)/python -m pytest tests/compose -v --exitfirst --durations=0 --durations-min=0.5

check: $(VENV)/.dev ## check lint, format, types and one-way imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@set -e; for folder in $(sort $(dir $(wildcard benchmarks/*/*.py))); do \
	  MYPYPATH=$$folder:benchmarks/storage $(BIN)/mypy $$folder*.py; done # scripts: each folder has its own modules
	@$(BIN)/lint-imports
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/shellcheck --external-sources --source-path SCRIPTDIR storage/*.sh deploy/*.sh .ci/*

bench: $(VENV)/.runtime ## run the benchmarks that take minutes; benchmarks/README.md lists all
	@$(BIN)/python benchmarks/pruners/compare.py svm --work 12
	@$(BIN)/python benchmarks/pruners/compare.py cnn-simple --work 8
	@$(BIN)/python benchmarks/data/reading.py 4000
	@$(BIN)/python benchmarks/augmentation/augmentation.py 1

# --no-strip-extras: if only coverage is pinned, pip takes the newest version for coverage[toml].
lock: ## compile the lock files, with hashes (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-strip-extras \
	  --no-emit-index-url --no-emit-find-links pyproject.toml --group build -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-strip-extras \
	  --no-emit-index-url --no-emit-find-links --group dev -c requirements.lock -o requirements-dev.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-strip-extras \
	  --no-emit-index-url --no-emit-find-links --group gpu -c requirements.lock -o requirements-gpu.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-strip-extras \
	  --no-emit-index-url --no-emit-find-links --group jax -c requirements.lock -o requirements-jax.lock \
	  --no-emit-package numpy --no-emit-package scipy --no-emit-package ml-dtypes

clean: ## remove the environment, the demo and the caches of tools
	rm -rf $(VENV) demo data/digits $(DEMO_HOME)
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .coverage
