"""Serves a bucket's API on 127.0.0.1; run by the Python of `.venv/emulators`: `serve_storage.py PORT FOLDER`.

gcp-storage-emulator's own server takes one connection at a time, so a client that keeps one open while it waits for
another waits for ever. This one has a thread for each. The store itself is not thread-safe, so it is locked.

`GET /requests` answers what has been asked since the last time, as a JSON list of `METHOD PATH`.
"""

from __future__ import annotations

import http.server
import json
import sys
import threading
from functools import partial

from gcp_storage_emulator.server import RequestHandler
from gcp_storage_emulator.storage import Storage

_LOCK = threading.Lock()
_REQUESTS: list[str] = []


class _Handler(RequestHandler):  # type: ignore[misc]
    def log_message(self, *arguments: object) -> None:
        pass

    def answer_requests(self) -> None:
        """Answers what has been asked since the last time."""
        content = json.dumps(_REQUESTS).encode()
        _REQUESTS.clear()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _locked(method: str) -> None:
    unlocked = getattr(RequestHandler, method)

    def locked(self: _Handler) -> None:
        with _LOCK:
            if self.path == "/requests":
                self.answer_requests()
                return
            _REQUESTS.append(f"{self.command} {self.path}")
            unlocked(self)

    setattr(_Handler, method, locked)


for _method in ("do_GET", "do_POST", "do_PUT", "do_DELETE", "do_PATCH"):
    _locked(_method)


def main(port: int, folder: str) -> None:
    """Serves until the process is ended."""
    storage = Storage(data_dir=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, storage)) as server:
        server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
