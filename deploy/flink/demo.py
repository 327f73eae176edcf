"""Embeds the sample corpus on a Flink cluster that it starts on this machine, and stops: `make flink-demo`."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from deploy.flink.fetch import UnavailableError
from deploy.flink.local_cluster import ROOT, run_cluster


def run_demo(folder: Path) -> int:
    """Makes the demo's untrained model in `folder/model` if it is not there, and embeds into `folder/embeddings`."""
    from albert_embed.model.export.untrained import write_untrained_model

    corpus, model, output = ROOT / "examples" / "corpus.txt", folder / "model", folder / "embeddings"
    print("The demo's model is UNTRAINED: random weights from a fixed seed. Its embeddings mean nothing.", flush=True)
    if not model.exists():
        write_untrained_model(corpus, model)
    shutil.rmtree(folder / "cluster", ignore_errors=True)
    program = [sys.executable, "-m", "albert_embed"]
    embed = ["embed", "--model", str(model), "--input", str(corpus), "--output", str(output), "--overwrite"]
    print("starting a JobManager, two TaskManagers and Beam's job server ...", flush=True)
    with run_cluster(folder / "cluster") as cluster:
        print(f"their logs are in {cluster.folder / 'log'}, the workers' in {cluster.folder / 'workers'}", flush=True)
        status = subprocess.call([*cluster.network, *program, *embed, *cluster.flags])
    return status or subprocess.call([*program, "inspect", str(output)])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder for the model, the embeddings and the cluster")
    try:
        sys.exit(run_demo(parser.parse_args().folder.absolute()))
    except UnavailableError as e:
        sys.exit(f"flink-demo: {e}")
