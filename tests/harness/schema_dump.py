"""A schema as text that two databases can be compared by."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

from rookery_local.postgres_cluster import find_programs

from harness.databases import FreshDatabase

_NOISE = re.compile(r"^(--.*|SET .*|SELECT pg_catalog\.set_config.*|\\(un)?restrict .*|\s*)$")


def dump_schema(database: FreshDatabase, service: str) -> str:
    """What pg_dump says of a service's schema: tables, keys, indexes, policies and grants, not the version table."""
    command = [str(find_programs() / "pg_dump"), "--schema-only", f"--schema={service}"]
    command += [f"--exclude-table={service}.alembic_version", f"--dbname={database.admin_url}"]
    environment = {**os.environ, "PGPASSFILE": os.devnull}
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        subprocess.run(command, env=environment, stdout=output, check=True, cwd=Path("/"))
        output.seek(0)
        return "".join(line for line in output if not _NOISE.match(line.rstrip("\n")))
