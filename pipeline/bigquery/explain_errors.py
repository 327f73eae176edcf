"""What Google's clients raise, in words that say what to do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from google.api_core import exceptions
from google.auth.exceptions import GoogleAuthError


@contextlib.contextmanager
def explain_refusals(what: str) -> Iterator[None]:
    """Turns what the service refuses before a run into a ValueError that begins with `what`.

    Raises:
      ValueError: where there are no credentials, or the service refuses the request; the cause is kept.
    """
    try:
        yield
    except GoogleAuthError as e:
        raise ValueError(
            f"{what}: no credentials for Google Cloud were found ({e}); run `gcloud auth application-default login` "
            "or set GOOGLE_APPLICATION_CREDENTIALS"
        ) from e
    except exceptions.Forbidden as e:
        raise ValueError(
            f"{what}: {e.message}; the account needs roles/bigquery.dataEditor on the dataset, and "
            "roles/bigquery.jobUser on the project"
        ) from e
    except exceptions.ClientError as e:
        raise ValueError(f"{what}: {e.message}") from e
