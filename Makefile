# Two commands do everything on a fresh machine with Python 3.11 to 3.13 and make:
#   make demo    installs, embeds the sample corpus with the built-in model, searches it and writes a report
#   make test    installs, lints, type-checks and passes the tests, the slow ones too
# make flink-demo embeds the sample corpus on a Flink cluster on this machine (docs/flink.md).
# Each makes its own virtual environment in .venv.

# The first of these that is there and neither too old nor too new.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$python && break; done)
VENV := .venv
RUN := $(VENV)/bin/python

INSTALL := -m pip install --quiet --disable-pip-version-check
# Writes the version of every package that pip would choose today, for each Python and system that is supported.
COMPILE := build/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --no-python-downloads --upgrade \
	--custom-compile-command "make constraints"

.PHONY: demo default-model report-picture flink-demo test test-fast lint site constraints dataflow-image dataflow-template clean

demo: $(VENV)/installed
	$(RUN) examples/demo.py build/demo

# The README's picture of a report: needs Chromium and the shared corpora. make report-picture MODEL=…
report-picture: $(VENV)/installed
	$(RUN) examples/report_picture.py build/report-picture $(if $(MODEL),--model $(MODEL))

# Makes the built-in model again, and measures it (examples/default_model/README.md).
CORPORA ?= ../shared/corpora
MODEL_WORK := build/default_model
DISTIL := PYTHONPATH=examples $(MODEL_WORK)/venv/bin/python -m default_model
default-model:
	$(PYTHON) -m venv $(MODEL_WORK)/venv
	$(MODEL_WORK)/venv/bin/python $(INSTALL) -c constraints.txt -e ".[openvino,jax,huggingface]"
	$(MODEL_WORK)/venv/bin/python $(INSTALL) --no-deps -r examples/default_model/requirements.txt
	$(DISTIL) make --work $(MODEL_WORK)/work --corpora $(CORPORA) --model model/default_model
	$(DISTIL) measure --work $(MODEL_WORK)/work --corpora $(CORPORA)

# Fetches Flink and Beam's job server for it (400 MB, with Maven) once, into a folder of the user's cache.
flink-demo: $(VENV)/installed
	$(RUN) -m deploy.flink.demo build/flink-demo

test: lint $(VENV)/emulators/installed $(VENV)/airflow/installed $(VENV)/site/installed
	$(RUN) -m pytest

test-fast: $(VENV)/installed
	$(RUN) -m pytest -m "not integration"

lint: $(VENV)/installed
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

# -e: the tests check the tree as it stands.
$(VENV)/installed: setup.py pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "no Python 3.11 to 3.13 found; give one as make PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(RUN) $(INSTALL) -c constraints.txt -e ".[test,openvino,int8,jax,huggingface,yaml,maps]"
	touch $@

# The servers that stand in for Google Cloud in the tests, which are skipped without them.
$(VENV)/emulators/installed: $(VENV)/installed tests/emulators/requirements.txt tests/emulators/constraints.txt
	$(RUN) -m venv $(VENV)/emulators
	$(VENV)/emulators/bin/python $(INSTALL) -c tests/emulators/constraints.txt -r tests/emulators/requirements.txt
	touch $@

# Runs the DAG of deploy/schedule in the tests, which are skipped without it.
AIRFLOW := deploy/schedule/airflow
$(VENV)/airflow/installed: $(VENV)/installed $(AIRFLOW)/requirements.txt $(AIRFLOW)/constraints.txt
	$(RUN) -m venv $(VENV)/airflow
	$(VENV)/airflow/bin/python $(INSTALL) -c $(AIRFLOW)/constraints.txt -r $(AIRFLOW)/requirements.txt
	touch $@

# Makes the site of the documentation: `make site` writes it to build/site, and the tests check that it can be made.
$(VENV)/site/installed: $(VENV)/installed docs/requirements.txt docs/constraints.txt
	$(RUN) -m venv $(VENV)/site
	$(VENV)/site/bin/python $(INSTALL) -c docs/constraints.txt -r docs/requirements.txt
	touch $@

site: $(VENV)/site/installed
	NO_MKDOCS_2_WARNING=1 $(VENV)/site/bin/mkdocs build --strict --quiet
	@echo "open build/site/index.html"

# After a change of the pins, or to take newer versions of what they need.
constraints:
	$(PYTHON) -m venv build/uv
	build/uv/bin/python $(INSTALL) uv==0.13.8
	$(COMPILE) --extra test --extra openvino --extra int8 --extra jax --extra huggingface --extra yaml --extra maps setup.py --output-file constraints.txt
	$(COMPILE) tests/emulators/requirements.txt --output-file tests/emulators/constraints.txt
	$(COMPILE) $(AIRFLOW)/requirements.txt --output-file $(AIRFLOW)/constraints.txt
	$(COMPILE) docs/requirements.txt --output-file docs/constraints.txt

# The image of Dataflow's workers and launcher: make dataflow-image IMAGE=us-docker.pkg.dev/PROJECT/REPOSITORY/NAME:TAG
DEVICE ?= gpu
ENGINE ?= tensorflow
VERSION ?= $(shell git describe --always --dirty)
dataflow-image:
	@test -n "$(IMAGE)" || { echo "give IMAGE=REGISTRY/NAME:TAG, DEVICE=cpu for workers without a GPU, ENGINE=jax for --engine jax"; exit 1; }
	docker build --file deploy/dataflow/Dockerfile --build-arg DEVICE=$(DEVICE) --build-arg ENGINE=$(ENGINE) \
		--build-arg IMAGE=$(IMAGE) --build-arg VERSION=$(VERSION) --tag $(IMAGE) .
	docker run --rm --entrypoint /opt/albert-embed/check-image.sh $(IMAGE)
	docker push $(IMAGE)

# The Flex Template of that image: make dataflow-template IMAGE=... TEMPLATE=gs://BUCKET/albert-embed.json
dataflow-template: $(VENV)/installed
	@test -n "$(IMAGE)" -a -n "$(TEMPLATE)" || { echo "give IMAGE=REGISTRY/NAME:TAG TEMPLATE=gs://BUCKET/NAME.json"; exit 1; }
	$(RUN) deploy/dataflow/make_metadata.py
	gcloud dataflow flex-template build $(TEMPLATE) --image $(IMAGE) --sdk-language PYTHON \
		--metadata-file deploy/dataflow/metadata.json

clean:
	rm -rf $(VENV) build
