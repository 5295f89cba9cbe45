# make deploy   the embedded default network on five runtimes, and its report
# make test     every check that CI makes
# make quick    the fast ones of them, in under two minutes
#
# All set up .venv by themselves, once, from python3 (3.11 or 3.12), python3-venv and make.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
OUT ?= out
PYTEST_ARGS ?=

BIN := $(VENV)/bin
QUICK := tests/stats tests/tasks tests/fbdeploy/records tests/fbdeploy/report tests/fbdeploy/compare \
	tests/fbdeploy/check tests/fbdeploy/cli/types tests/zoo/datasets tests/zoo/test_documents.py \
	tests/zoo/test_files.py tests/test_house.py --ignore tests/fbdeploy/report/test_loading.py
INSTALLED := $(VENV)/.installed
TEST_TOOLS := $(VENV)/.test-tools

.PHONY: deploy test quick lint format types imports unit clean

deploy: $(INSTALLED)
	$(BIN)/fbdeploy deploy --output $(OUT)

# What fails at once comes first. Types are checked beside the tests, which leave a core time.
test: lint imports
	$(MAKE) --jobs 2 types unit

lint: $(TEST_TOOLS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(TEST_TOOLS)
	$(BIN)/mypy

imports: $(TEST_TOOLS)
	$(BIN)/lint-imports --no-cache

unit: $(TEST_TOOLS)
	$(BIN)/python -m pytest --numprocesses auto --durations 10 $(PYTEST_ARGS)

# What most changes need: nothing that exports, trains, emulates, builds apps or starts many programs.
quick: $(TEST_TOOLS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest --numprocesses auto $(QUICK)

format: $(TEST_TOOLS)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' || \
		{ echo "$(PYTHON): needs Python 3.11 or 3.12; run make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' || \
		{ echo "$(PYTHON): no venv module; run apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(INSTALLED): $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[all]'
	@touch $@

# Compiled on all cores, pip does it on one. Some packages hold templates that are no Python.
$(TEST_TOOLS): $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --no-compile --editable '.[all,test]'
	@$(BIN)/python -m compileall -q -j 0 $(VENV)/lib >/dev/null || true
	# A client that tests run on our files. OpenCV and matplotlib, which it draws with, take 150 MB
	# and libGL; what else it needs is here already.
	$(BIN)/python -m pip install --quiet --no-deps mediapipe==1.2.3 || \
		echo "mediapipe cannot be had for this machine: its tests are skipped"
	@touch $(INSTALLED) $@

clean:
	rm -rf $(VENV) $(OUT) build *.egg-info .mypy_cache .pytest_cache .ruff_cache
