"""What the refusals of an object store mean."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from apache_beam.io.filesystem import BeamIOError
from google.api_core.exceptions import GoogleAPICallError
from google.auth.exceptions import GoogleAuthError


@contextlib.contextmanager
def explain_bucket_errors(pattern: str) -> Iterator[None]:
    """Turns what a bucket refuses in the `with` block into an error that says what to do.

    Args:
      pattern: what is listed there, for the message.

    Raises:
      OSError: if the store refuses, or is asked without credentials; the cause is kept.
    """
    try:
        yield
    except (BeamIOError, GoogleAPICallError, GoogleAuthError) as e:
        raise OSError(
            f"--input {pattern} can't be listed: {e}. Does the bucket exist, and may this account read it? Run "
            "`gcloud auth application-default login` or set GOOGLE_APPLICATION_CREDENTIALS; the account needs "
            "roles/storage.objectViewer"
        ) from e
