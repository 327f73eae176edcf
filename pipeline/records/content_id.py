"""Hashes of content: ids for documents without an id, and a way to see whether a document has changed."""

from __future__ import annotations

import hashlib


def content_id(*contents: bytes) -> bytes:
    """Returns the id of a document without one: a hash of its content, the same in every run.

    `hash_content` of the texts, in hexadecimal.
    """
    return hash_content(*contents).hex().encode()


def hash_content(*contents: bytes) -> bytes:
    """Returns BLAKE2b of 16 bytes over the contents with their lengths."""
    digest = hashlib.blake2b(digest_size=16)
    for content in contents:
        digest.update(len(content).to_bytes(8, "big"))
        digest.update(content)
    return digest.digest()
