# Two commands do everything on a fresh machine with Python 3.10 to 3.13 and make:
#   make demo    installs, makes an untrained model, embeds the sample corpus and inspects the result
#   make test    installs, lints, type-checks and passes the tests, the slow ones too
# Each makes its own virtual environment in .venv.

# The first of these that is there and neither too old nor too new.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3.10 python3; do \
	$$python -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$python && break; done)
VENV := .venv
RUN := $(VENV)/bin/python

.PHONY: demo test test-fast lint clean

demo: $(VENV)/installed
	$(RUN) examples/demo.py build/demo

test: lint $(VENV)/emulators/installed
	$(RUN) -m pytest

test-fast: $(VENV)/installed
	$(RUN) -m pytest -m "not integration"

lint: $(VENV)/installed
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

# -e: the tests check the tree as it stands.
$(VENV)/installed: setup.py pyproject.toml
	@test -n "$(PYTHON)" || { echo "no Python 3.10 to 3.13 found; give one as make PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -e ".[test,openvino]"
	touch $@

# The servers that stand in for Google Cloud in the tests, which are skipped without them: bqemulator asks for Python 3.11.
$(VENV)/emulators/installed: $(VENV)/installed tests/emulators/requirements.txt
	@if $(RUN) -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
		$(RUN) -m venv $(VENV)/emulators && \
		$(VENV)/emulators/bin/python -m pip install --quiet --disable-pip-version-check -r tests/emulators/requirements.txt && \
		touch $@; \
	else echo "no emulators: they need Python 3.11, this is $$($(RUN) --version)"; fi

clean:
	rm -rf $(VENV) build
