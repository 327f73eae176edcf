"""The wheel of this program, made again from what is installed, so that a job can bring it to its workers."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import albert_embed

DISTRIBUTION = "albert-embed"
_PACKAGE = "albert_embed"
# All that the package consists of; `package_data` of setup.py names the same (a test compares).
_SUFFIXES = frozenset((".py", ".json", ".jinja", ".yaml", ".safetensors", ".model", ".md"))
_NAMES = frozenset(("py.typed",))
# The files of a wheel's metadata, and their names in that of a checkout (`*.egg-info`).
_METADATA_FILES = {"METADATA": "PKG-INFO", "entry_points.txt": "entry_points.txt", "top_level.txt": "top_level.txt"}
# The same for every build, so that the same program has the same bytes.
_TIMESTAMP = (1980, 1, 1, 0, 0, 0)
_WHEEL = "Wheel-Version: 1.0\nGenerator: albert-embed\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def build_own_wheel(folder: Path) -> Path:
    """Writes the wheel of the running program into `folder`, and returns its path.

    The modules are those that run, whether they were installed from a wheel, from an sdist, or as an editable checkout.
    Nothing is downloaded or executed for it.

    Raises:
      OSError: if the program is not installed, its files can't be read, or the wheel can't be written.
    """
    try:
        distribution = importlib.metadata.distribution(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError as e:
        raise OSError(
            f"workers get this program as a wheel, and {albert_embed.__file__} is not installed, so its metadata is "
            "missing; run `pip install .` in its folder, or give a wheel of it with --extra_package"
        ) from e
    name = f"{_PACKAGE}-{distribution.version}"
    contents = dict(_list_package(Path(albert_embed.__file__).parent))
    for file, in_checkout in _METADATA_FILES.items():
        text = distribution.read_text(file) or distribution.read_text(in_checkout)
        if text is not None:
            contents[f"{name}.dist-info/{file}"] = text.encode()
    contents[f"{name}.dist-info/WHEEL"] = _WHEEL.encode()
    record = f"{name}.dist-info/RECORD"
    lines = [f"{path},sha256={_digest(content)},{len(content)}" for path, content in contents.items()]
    contents[record] = "\n".join([*lines, f"{record},,", ""]).encode()
    wheel = folder / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", compression=zipfile.ZIP_DEFLATED) as archive:
        for path, content in contents.items():
            information = zipfile.ZipInfo(path, date_time=_TIMESTAMP)
            information.compress_type = zipfile.ZIP_DEFLATED
            information.external_attr = 0o100644 << 16
            archive.writestr(information, content)
    return wheel


def _list_package(root: Path) -> Iterator[tuple[str, bytes]]:
    """Yields the path in the wheel and the content of each file, in the order of their names."""
    # In a checkout, the three folders of the package are links.
    for folder, folders, files in os.walk(root, followlinks=True):
        folders[:] = sorted(name for name in folders if name != "__pycache__" and not name.startswith("."))
        for name in sorted(files):
            path = Path(folder, name)
            if not name.startswith(".") and (path.suffix in _SUFFIXES or name in _NAMES):
                yield f"{_PACKAGE}/{path.relative_to(root).as_posix()}", path.read_bytes()


def _digest(content: bytes) -> str:
    """Returns the SHA-256 as a wheel's RECORD has it."""
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
