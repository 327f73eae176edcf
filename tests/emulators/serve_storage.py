"""Serves a bucket's API on 127.0.0.1; run by the Python of `.venv/emulators`: `serve_storage.py PORT FOLDER`.

gcp-storage-emulator's own server takes one connection at a time, so a client that keeps one open while it waits for
another waits for ever. This one has a thread for each. The store itself is not thread-safe, so it is locked.

`GET /requests` answers what has been asked since the last time, as a JSON list of `METHOD PATH`.
"""

from __future__ import annotations

import http.server
import io
import json
import re
import sys
import threading
import urllib.parse
from functools import partial

from gcp_storage_emulator.exceptions import NotFound
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


def _refuse_what_is_there() -> None:
    """Adds what gcp-storage-emulator lacks: an upload on condition that there is no such object yet.

    The condition is `ifGenerationMatch=0`. A multipart upload names its object in the first part of its body, which is
    JSON.
    """
    upload = RequestHandler.do_POST

    def upload_if_absent(self: _Handler) -> None:
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        if query.get("ifGenerationMatch") != ["0"]:
            upload(self)
            return
        body = self.rfile.read(int(self.headers["Content-Length"]))
        found = re.search(rb'\{[^{}]*"name"[^{}]*\}', body)
        name = json.loads(found[0])["name"] if found else query["name"][0]
        bucket = urllib.parse.urlsplit(self.path).path.split("/b/")[1].split("/")[0]
        try:
            self.storage.get_file_obj(bucket, name)
        except NotFound:
            self.rfile, rest = io.BytesIO(body), self.rfile
            try:
                upload(self)
            finally:
                self.rfile = rest
            return
        content = json.dumps({"error": {"code": 412, "message": "conditionNotMet"}}).encode()
        self.send_response(412)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    RequestHandler.do_POST = upload_if_absent


_refuse_what_is_there()
for _method in ("do_GET", "do_POST", "do_PUT", "do_DELETE", "do_PATCH"):
    _locked(_method)


def main(port: int, folder: str) -> None:
    """Serves until the process is ended."""
    storage = Storage(data_dir=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, storage)) as server:
        server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
