"""An Airflow DAG: every night the documents that are new or changed are embedded; on Sundays the output is compacted.

Put this file and `albert_embed_run.py` into the folder of DAGs. What to embed is in the environment of the workers:

    ALBERT_EMBED_PROGRAM        the program; albert-embed, or a path to it in an environment of its own
    ALBERT_EMBED_MODEL          --model
    ALBERT_EMBED_INPUT          --input; several are separated by spaces
    ALBERT_EMBED_OUTPUT         --output
    ALBERT_EMBED_FLAGS          further flags of embed, such as --full-snapshot --embeddings mean
    ALBERT_EMBED_RETRY_MINUTES  how long to wait before the next try; 10

The result of each task, its XCom, is the line of JSON that the program prints.
"""

from __future__ import annotations

import datetime
import os
import shlex
import sys
from pathlib import Path
from typing import Any

from airflow.exceptions import AirflowException, AirflowFailException, AirflowSkipException
from airflow.sdk import dag, get_current_context, task

sys.path.insert(0, str(Path(__file__).parent))
from albert_embed_run import Next, run

_SUNDAY = 6
_RETRY_MINUTES = os.environ.get("ALBERT_EMBED_RETRY_MINUTES", "10")


def _run(*arguments: str) -> dict[str, Any]:
    """Runs the program, and turns its exit status into what Airflow does next."""
    program = os.environ.get("ALBERT_EMBED_PROGRAM", "albert-embed")
    outcome = run([*shlex.split(program), *arguments, "--json"])
    if outcome.next is Next.FAIL:
        raise AirflowFailException(outcome.message)
    if outcome.next is Next.RETRY:
        raise AirflowException(outcome.message)
    return outcome.record


@dag(
    schedule="0 2 * * *",
    start_date=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    catchup=False,
    max_active_runs=1,  # the output takes one run at a time
    default_args={"retries": 2, "retry_delay": datetime.timedelta(minutes=float(_RETRY_MINUTES))},
    tags=["albert-embed"],
    doc_md=__doc__,
)
def albert_embed_nightly() -> None:
    """Wires the two tasks."""

    @task(execution_timeout=datetime.timedelta(hours=12))
    def embed() -> dict[str, Any]:
        """Embeds what is new or changed."""
        inputs = shlex.split(os.environ["ALBERT_EMBED_INPUT"])
        return _run(
            "embed",
            "--incremental",
            *("--model", os.environ["ALBERT_EMBED_MODEL"]),
            *(f"--input={pattern}" for pattern in inputs),
            *("--output", os.environ["ALBERT_EMBED_OUTPUT"]),
            *shlex.split(os.environ.get("ALBERT_EMBED_FLAGS", "")),
        )

    @task(execution_timeout=datetime.timedelta(hours=6))
    def compact(embedded: dict[str, Any]) -> dict[str, Any]:
        """Drops dead rows, once a week."""
        context = get_current_context()
        date = context.get("logical_date") or context["dag_run"].run_after
        if date.weekday() != _SUNDAY:
            raise AirflowSkipException(
                f"{date:%A} is no Sunday; the output of {embedded.get('output')} is left as it is"
            )
        return _run("compact", os.environ["ALBERT_EMBED_OUTPUT"])

    compact(embed())


nightly = albert_embed_nightly()

if __name__ == "__main__":  # one run, here and now: python albert_embed_nightly.py [DATE]
    given = datetime.datetime.fromisoformat(sys.argv[1]) if len(sys.argv) > 1 else datetime.datetime.now()
    finished = nightly.test(logical_date=given.astimezone(datetime.UTC))
    for instance in finished.get_task_instances():
        print(instance.task_id, instance.state, instance.xcom_pull(task_ids=instance.task_id), sep="\t")
    sys.exit(0 if finished.state == "success" else 1)
