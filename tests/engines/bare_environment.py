"""An environment that has what the project stands on, and not the project: like that of a worker's image."""

from __future__ import annotations

import site
import subprocess
import sysconfig
import venv
from pathlib import Path


def make_bare_environment(folder: Path) -> Path:
    """Makes one in `folder`, and returns its interpreter.

    Packages can be installed there by another environment's pip, with `--python`.
    """
    venv.create(folder, with_pip=False, symlinks=True)
    interpreter = folder / "bin" / "python"
    program = "import sysconfig; print(sysconfig.get_path('purelib'))"
    found = subprocess.run([interpreter, "-I", "-c", program], capture_output=True, text=True, check=True)
    # A folder named by a .pth file is searched, but its own .pth files are not read: not those of an editable install.
    folders = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *site.getsitepackages()}
    Path(found.stdout.strip(), "requirements.pth").write_text("".join(f"{path}\n" for path in sorted(folders)))
    return interpreter
