"""Serves BigQuery's APIs on 127.0.0.1; run by the Python of `.venv/emulators` with bqemulator's own arguments.

Three faults of bqemulator are worked around: it downloads DuckDB's spatial extension when it starts, and ends where it
can't (nothing here needs geography); its Storage Read API does not know the tables that hold the results of queries;
its Storage Write API drops the fields of records.
"""

from __future__ import annotations

import re
from typing import Any

from bqemulator.api.routes import tabledata
from bqemulator.api.routes.tables import _field_to_rest
from bqemulator.cli import main
from bqemulator.grpc_api import write_servicer
from bqemulator.jobs.executor import JOB_RESULTS
from bqemulator.storage.engine import DuckDBEngine

_RESULT_TABLE = re.compile(r'^SELECT (?P<columns>.*) FROM .*_bqemu_anonymous"\."anon(?P<job>\w+)"')
_fetch_from_tables = DuckDBEngine.fetch_arrow


def _fetch_arrow(engine: DuckDBEngine, sql: str, parameters: list[Any] | None = None) -> Any:
    match = _RESULT_TABLE.match(sql)
    if match is None:
        return _fetch_from_tables(engine, sql, parameters)
    result = next(table for job_id, table in JOB_RESULTS.items() if job_id.replace("-", "") == match["job"])
    columns = re.findall(r'"(\w+)"', match["columns"])
    return result.select(columns) if columns else result


def _make_arrow_schema(table: Any) -> Any:
    return tabledata._build_arrow_schema([_field_to_rest(field) for field in table.schema_.fields])


write_servicer._table_arrow_schema = _make_arrow_schema
DuckDBEngine.fetch_arrow = _fetch_arrow
DuckDBEngine._load_spatial = lambda engine: None

if __name__ == "__main__":
    main()
