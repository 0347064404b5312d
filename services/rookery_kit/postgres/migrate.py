"""`python -m rookery_kit.postgres.migrate`: provisions the services' roles and schemas and migrates them.

Exits 0 when all stand at the target, else 3 with one line on standard error that says why.
"""

import argparse
import json
import sys
from pathlib import Path

import psycopg
from psycopg import sql

from rookery_kit.postgres.migrations import current_revision, migrate
from rookery_kit.postgres.provision import SERVICES, provision, runtime_role
from rookery_kit.postgres.revisions import head_revision

EXIT_FAILED = 3


def migrate_up(admin_url: str, passwords: dict[str, str]) -> tuple[str, ...]:
    """Provisions and migrates to head every service in `passwords`; answers those that had to be changed."""
    behind = []
    with psycopg.connect(admin_url, autocommit=True) as connection:
        for service, password in passwords.items():
            if current_revision(connection, service) == head_revision(service):
                # The schema is as it should be; only the password may have been replaced.
                role = sql.Identifier(runtime_role(service))
                connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, sql.Literal(password)))
            else:
                provision(connection, service, password)
                behind.append(service)
    for service in behind:
        migrate(admin_url, service)
    return tuple(behind)


def main(arguments: list[str] | None = None) -> int:
    """Parses the command line and runs it."""
    parser = argparse.ArgumentParser(prog="rookery-migrate", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="provision every service and migrate it to head")
    up.add_argument(
        "--admin-url-file", type=Path, required=True, help="file with the URL of a role that may create roles"
    )
    up.add_argument("--passwords-file", type=Path, required=True, help="JSON file: {service: password}")
    to = commands.add_parser("to", help="take one service forward or back")
    to.add_argument(
        "--admin-url-file", type=Path, required=True, help="file with the URL of a role that may create roles"
    )
    to.add_argument("service", choices=SERVICES)
    to.add_argument("revision", help="head, base or a number such as 0002")
    options = parser.parse_args(arguments)
    try:
        admin_url = options.admin_url_file.read_text(encoding="utf-8").strip()
        if options.command == "up":
            changed = migrate_up(admin_url, json.loads(options.passwords_file.read_text(encoding="utf-8")))
            print("migrated: " + (", ".join(changed) or "nothing to do"))  # noqa: T201 -- the command's answer
        else:
            migrate(admin_url, options.service, options.revision)
    except (OSError, ValueError, psycopg.Error) as error:
        print(f"rookery-migrate: {' '.join(str(error).split())}", file=sys.stderr)  # noqa: T201 -- as above
        return EXIT_FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
