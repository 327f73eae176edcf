"""What `--model` names becomes a local directory: paths as they are, handles through tensorflow-hub."""

from __future__ import annotations

import http.server
import io
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from albert_embed.model.directory.locate import is_hub_handle, locate_model
from albert_embed.model.directory.model_directory import ModelDirectoryError, open_model_directory


class _Handler(http.server.BaseHTTPRequestHandler):
    """Serves one archive under /albert/2, as tfhub.dev does, and notes what was asked for."""

    archive: bytes
    requests: list[str]

    def do_GET(self) -> None:
        self.requests.append(self.path)
        found = self.path == "/albert/2?tf-hub-format=compressed"
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(self.archive) if found else 0))
        self.end_headers()
        if found:
            self.wfile.write(self.archive)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def hub(tiny_module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[str]]]:
    """The address of a hub that holds the tiny module, and the list of requests that it gets."""
    path = tmp_path / "module.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for entry in sorted(tiny_module.iterdir()):
            archive.add(entry, arcname=entry.name)
    requests: list[str] = []
    handler = type("Handler", (_Handler,), {"archive": path.read_bytes(), "requests": requests})
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "cache"))
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", requests
        server.shutdown()
        thread.join()


def test_a_handle_is_downloaded_once(hub: tuple[str, list[str]], tiny_module: Path, tmp_path: Path) -> None:
    address, requests = hub
    found = locate_model(f"{address}/albert/2")
    assert found.is_relative_to(tmp_path / "cache")
    assert open_model_directory(found).fingerprint == open_model_directory(tiny_module).fingerprint
    assert locate_model(f"{address}/albert/2") == found
    assert requests == ["/albert/2?tf-hub-format=compressed"]


def test_a_handle_that_the_hub_does_not_have(hub: tuple[str, list[str]]) -> None:
    address, requests = hub
    with pytest.raises(ModelDirectoryError) as error:
        locate_model(f"{address}/albert/3")
    assert str(error.value).startswith(f"the handle '{address}/albert/3' could not be resolved: HTTP Error 404")
    assert requests == ["/albert/3?tf-hub-format=compressed"]


def test_a_hub_that_is_not_reachable(hub: tuple[str, list[str]]) -> None:
    # Port 1 of this machine: nobody listens there.
    with pytest.raises(ModelDirectoryError) as error:
        locate_model("http://127.0.0.1:1/albert/2")
    message = str(error.value)
    assert message.startswith("the handle 'http://127.0.0.1:1/albert/2' could not be resolved: ")
    assert message.endswith(
        "Is it spelt right, and the network reachable? A module that was downloaded elsewhere can be given as a "
        "directory."
    )


def test_what_is_served_is_no_archive(
    hub: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    address, _ = hub
    monkeypatch.setattr(_Handler, "do_GET", lambda handler: handler.send_error(200, "no archive"))
    with pytest.raises(ModelDirectoryError, match=r"could not be resolved: .*the network reachable\?"):
        locate_model(f"{address}/albert/2")


def test_an_archive_that_tensorflow_hub_can_not_unpack(
    hub: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It makes no folders but those that the archive names."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        member = tarfile.TarInfo("variables/variables.index")
        member.size = 1
        archive.addfile(member, io.BytesIO(b"x"))
    address, _ = hub
    monkeypatch.setattr(_Handler, "do_GET", _serve_always(content.getvalue()))
    with pytest.raises(
        ModelDirectoryError, match=r"could not be resolved: .*downloaded elsewhere can be given as a dir"
    ):
        locate_model(f"{address}/albert/2")


def _serve_always(content: bytes) -> Callable[[_Handler], None]:
    def do_get(handler: _Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return do_get


def test_a_path_is_taken_as_it_is(tmp_path: Path) -> None:
    assert locate_model(tmp_path) == tmp_path
    assert locate_model(str(tmp_path)) == tmp_path


def test_nothing_there() -> None:
    with pytest.raises(
        ModelDirectoryError, match=r"^there is nothing at '/nowhere/model'; give a directory or a TF Hub"
    ):
        locate_model("/nowhere/model")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("https://tfhub.dev/google/albert_base/2", True), ("http://x/y", True), ("/https/x", False), ("gs://b/x", False)],
)
def test_handles_are_known_by_their_scheme(name: str, expected: bool) -> None:
    assert is_hub_handle(name) is expected
