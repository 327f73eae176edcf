"""Package metadata and pins. Also what Dataflow's `--setup_file` takes."""

from pathlib import Path

from setuptools import setup

# Why each is here is said in the README, "What it stands on".
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
]
TEST = ["pytest==9.2.0", "ruff==0.17.6", "mypy==2.4.1", "duckdb==2.0.1"]  # duckdb reads the Parquet that is written
# The benchmark's peers. `python -m benchmarks` installs the same pins into an environment of their own.
BENCH = [
    line
    for line in (Path(__file__).parent / "benchmarks/peers-requirements.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
OPENVINO = ["openvino==2026.4.1"]

setup(
    name="albert-embed",
    version="0.1.0",
    description="Embed text corpora with ALBERT on Apache Beam: exact preprocessing, token-budget batches",
    long_description=(Path(__file__).parent / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10,<3.14",
    packages=[
        "model",
        "pipeline",
        "pipeline.bigquery",
        "pipeline.incremental",
        "pipeline.sinks",
        "pipeline.sources",
        "transforms",
    ],
    package_data={"pipeline": ["plan_rates.json"]},
    install_requires=REQUIRES,
    extras_require={"test": TEST, "bench": BENCH, "openvino": OPENVINO},
    entry_points={"console_scripts": ["albert-embed = pipeline.command_line:main"]},
)
