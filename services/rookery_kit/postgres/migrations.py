"""Schema migrations: Alembic revisions in `rookery_<service>/migrations`, in one line, numbered `NNNN`."""

from importlib.resources import files
from pathlib import Path

import psycopg

from rookery_kit.postgres.provision import owner_role

_ENVIRONMENT = Path(__file__).parent / "alembic_env"


def migrations_folder(service: str) -> Path:
    """Where the revisions of a service lie."""
    return Path(str(files(f"rookery_{service}"))) / "migrations"


def head_revision(service: str) -> str:
    """The number of the newest revision, such as `0003`, read off the file names."""
    return max(path.name[:4] for path in migrations_folder(service).glob("[0-9]*.py"))


def current_revision(connection: "psycopg.Connection[tuple[object, ...]]", service: str) -> str | None:
    """The revision a schema stands at; None before the first."""
    table = f"{service}.alembic_version"
    known = connection.execute("SELECT to_regclass(%s)", (table,)).fetchone()
    if known is None or known[0] is None:
        return None
    row = connection.execute(f"SELECT version_num FROM {table}".encode()).fetchone()  # noqa: S608 -- a service's name
    return str(row[0]) if row else None


def migrate(admin_url: str, service: str, target: str = "head") -> None:
    """Takes a schema forward or back to `target` (`head`, `base` or a number), each revision in a transaction."""
    # Alembic and SQLAlchemy cost memory and time that a process whose schema is at head need not pay.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
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
        if target == "base" or (target != "head" and target < (current(admin_url, service) or "0000")):
            command.downgrade(config, target)
        else:
            command.upgrade(config, target)
        connection.commit()


def current(admin_url: str, service: str) -> str | None:
    """The revision a schema stands at, over a connection of its own."""
    with psycopg.connect(admin_url) as connection:
        return current_revision(connection, service)
