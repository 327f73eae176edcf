"""Runs a job of `dataflow_service.py` where nothing is but what the project stands on: `bare_worker.py FOLDER`.

Makes an environment like that of a worker's image, installs what the job has staged without the network, as Beam's boot
does, and runs `dataflow_worker.py` there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))
from tests.engines.bare_environment import make_bare_environment  # noqa: E402


def main(folder: Path) -> int:
    """Runs the job, and returns the exit status."""
    interpreter = make_bare_environment(folder / "environment")
    environment = {**os.environ, "PYTHONPATH": ""}
    for wheel in download_wheels(folder):
        for arguments in (["--force-reinstall", "--no-deps"], []):
            pip = [
                sys.executable,
                "-m",
                "pip",
                f"--python={interpreter}",
                "install",
                "--no-index",
                *arguments,
                str(wheel),
            ]
            subprocess.run(pip, env=environment, check=True)
    environment["PYTHONPATH"] = str(HERE.parent / "emulators" / "site")
    return subprocess.run([interpreter, HERE / "dataflow_worker.py", folder], env=environment, check=False).returncode


def download_wheels(folder: Path) -> list[Path]:
    """Downloads the wheels that the job has staged."""
    job = json.loads((folder / "job.json").read_text())
    packages = [package for pool in job["environment"]["workerPools"] for package in pool.get("packages", [])]
    wheels = []
    for package in packages:
        if package["name"].endswith(".whl"):
            bucket, _, name = package["location"].removeprefix("storage.googleapis.com/").partition("/")
            path = f"/download/storage/v1/b/{bucket}/o/{urllib.parse.quote(name, safe='')}?alt=media"
            wheels.append(folder / package["name"])
            with urllib.request.urlopen(os.environ["STORAGE_EMULATOR_HOST"] + path) as content:
                wheels[-1].write_bytes(content.read())
    return wheels


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
