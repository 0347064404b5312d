"""Schema migrations: Alembic revisions in `rookery_<service>/migrations`, in one line, numbered `NNNN`."""

from pathlib import Path

import psycopg

from rookery_kit.postgres.provision import owner_role
from rookery_kit.postgres.revisions import migrations_folder

_ENVIRONMENT = Path(__file__).parent / "alembic_env"


def current_revision(connection: "psycopg.Connection[tuple[object, ...]]", service: str) -> str | None:
    """The revision a schema stands at; None before the first."""
    table = f"{service}.alembic_version"
    known = connection.execute("SELECT to_regclass(%s)", (table,)).fetchone()
    if known is None or known[0] is None:
        return None
    row = connection.execute(f"SELECT version_num FROM {table}".encode()).fetchone()  # noqa: S608 -- a service's name
    return str(row[0]) if row else None


def migrate(admin_url: str, service: str, target: str = "head") -> None:
    """Takes a schema forward or back to `target` (`head`, `base` or a number), each revision in a transaction.

    Raises ValueError for a revision that there is not.
    """
    # Alembic and SQLAlchemy cost memory and time that a process whose schema is at head need not pay.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415
    from sqlalchemy import create_engine  # noqa: PLC0415
    from sqlalchemy.pool import NullPool  # noqa: PLC0415

    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(admin_url), poolclass=NullPool)
    config = Config()
    config.set_main_option("script_location", str(_ENVIRONMENT))
    config.set_main_option("version_locations", str(migrations_folder(service)))
    config.set_main_option("path_separator", "newline")
    config.attributes["schema"] = service
    config.attributes["owner"] = owner_role(service)
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        try:
            if target == "base" or (target != "head" and target < (current(admin_url, service) or "0000")):
                command.downgrade(config, target)
            else:
                command.upgrade(config, target)
        except CommandError as error:
            raise ValueError(str(error)) from error
        connection.commit()


def current(admin_url: str, service: str) -> str | None:
    """The revision a schema stands at, over a connection of its own."""
    with psycopg.connect(admin_url) as connection:
        return current_revision(connection, service)
