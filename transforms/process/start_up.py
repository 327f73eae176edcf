"""The start of a process of the command line: large libraries are imported without notes and without collections.

For programs that import this package as a library nothing changes: only the command line, and the worker processes that
it starts on this machine, ask for it.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.machinery
import importlib.util
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from types import ModuleType

from albert_embed.transforms.process.usable_machine import has_gpu_device

# What worker processes inherit.
QUIET_VARIABLE = "ALBERT_EMBED_QUIET_START"
# The large libraries, and the optional ones that they would import only because somebody has installed them, for parts
# that nothing here uses: each is imported in a `try`. They can be imported as ever by whoever needs them.
_LARGE = {
    "apache_beam": frozenset(("IPython", "pandas")),
    "tensorflow": frozenset(("h5py", "IPython", "jax", "matplotlib", "pandas", "scipy", "sklearn")),
}
# TensorFlow's libraries write these while they are loaded, whatever is set; the first letter is the severity.
_NOTES = (b"I0000 ", b"WARNING: All log messages before absl::InitializeLog()", b"To enable the following instructions")
# Passes on what is not a note; a process of its own, so that nothing is lost where a library ends this one.
_FILTER = """
import os, sys
notes, rest = tuple(map(os.fsencode, sys.argv[1:])), b""
while block := os.read(0, 65536):
    *lines, rest = (rest + block).split(b"\\n")
    os.write(1, b"".join(line + b"\\n" for line in lines if not line.startswith(notes)))
os.write(1, b"" if rest.startswith(notes) else rest)
"""


def start_quietly() -> None:
    """Has this process, and those that it starts, import large libraries quietly. What is set already stays."""
    os.environ[QUIET_VARIABLE] = "1"
    # Errors about GPUs are no news where there is none. Those of an operation are Python's exceptions in any case.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2" if has_gpu_device() else "3")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    # tensorflow-hub 0.16 imports it; the pin of setuptools keeps it there.
    warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)
    install_finder()


def install_finder() -> None:
    """Has large libraries imported quietly that are not imported yet."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder:
    """Finds the large libraries where Python finds them, and has them loaded quietly."""

    def __init__(self) -> None:
        self._local = threading.local()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name in getattr(self._local, "left_out", ()):
            raise ModuleNotFoundError(f"{name} is left out at the start", name=name)
        if name not in _LARGE:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self)  # type: ignore[assignment, arg-type]
        return spec

    @contextlib.contextmanager
    def leave_out(self, names: frozenset[str]) -> Iterator[None]:
        """Has this thread find none of these modules in the `with` block, unless they are imported already."""
        before: frozenset[str] = getattr(self._local, "left_out", frozenset())
        self._local.left_out = before | names
        try:
            yield
        finally:
            self._local.left_out = before


class _Loader:
    """Loads a module as its own loader does, quietly.

    Args:
      loader: its own.
      finder: finds what it imports.
    """

    def __init__(self, loader: importlib.machinery.SourceFileLoader, finder: _Finder) -> None:
        self._loader = loader
        self._finder = finder

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        hiding = hide_notes() if name == "tensorflow" else contextlib.nullcontext()
        with _without_collections(), self._finder.leave_out(_LARGE[name]), hiding:
            self._loader.exec_module(module)


@contextlib.contextmanager
def _without_collections() -> Iterator[None]:
    """Keeps Python from looking for garbage; what is there in the end, modules, is never looked at again.

    While thousands of modules are imported, it would look again and again, and find none, for 0.8 of 3.2 s.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


@contextlib.contextmanager
def hide_notes() -> Iterator[None]:
    """Leaves notes out of what this process writes to standard error in the `with` block, in whatever way."""
    try:
        error = os.dup(2)
    except OSError:  # the program was started without it
        yield
        return
    command = [sys.executable, "-I", "-S", "-c", _FILTER, *map(os.fsdecode, _NOTES)]
    try:
        # In a session of its own, so that Ctrl-C leaves it the time to pass on what is there.
        passing = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=error, start_new_session=True)
    except OSError:
        os.close(error)
        yield
        return
    assert passing.stdin is not None
    try:
        os.dup2(passing.stdin.fileno(), 2)
        passing.stdin.close()
        yield
    finally:
        os.dup2(error, 2)
        os.close(error)
        passing.wait()
