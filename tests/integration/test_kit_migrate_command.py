import json
from pathlib import Path

import psycopg
import pytest
from harness.databases import PASSWORD, FreshDatabase
from harness.free_ports import free_address
from rookery_kit.postgres.migrate import EXIT_FAILED, main
from rookery_kit.postgres.migrations import current
from rookery_kit.postgres.provision import SERVICES
from rookery_kit.postgres.revisions import head_revision


@pytest.fixture
def admin_url_file(tmp_path: Path, empty_database: FreshDatabase) -> Path:
    path = tmp_path / "admin-url"
    path.write_text(empty_database.admin_url + "\n")
    return path


@pytest.fixture
def passwords_file(tmp_path: Path) -> Path:
    path = tmp_path / "passwords.json"
    path.write_text(json.dumps(dict.fromkeys(SERVICES, PASSWORD)))
    return path


def up(admin_url_file: Path, passwords_file: Path) -> int:
    return main(["up", "--admin-url-file", str(admin_url_file), "--passwords-file", str(passwords_file)])


def to(admin_url_file: Path, service: str, revision: str) -> int:
    return main(["to", "--admin-url-file", str(admin_url_file), service, revision])


@pytest.mark.capability("D5")
def test_up_makes_every_schema_and_a_second_time_nothing(
    admin_url_file: Path,
    passwords_file: Path,
    empty_database: FreshDatabase,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert up(admin_url_file, passwords_file) == 0
    assert capsys.readouterr().out == f"migrated: {', '.join(SERVICES)}\n"
    for service in SERVICES:
        assert current(empty_database.admin_url, service) == head_revision(service)
        with psycopg.connect(empty_database.url(service)) as connection:
            connection.execute(f"SELECT * FROM {service}.outbox".encode())
    assert up(admin_url_file, passwords_file) == 0
    assert "nothing to do" in capsys.readouterr().out


@pytest.mark.capability("D5")
def test_one_service_goes_back_and_forward_while_the_others_stay(
    admin_url_file: Path, passwords_file: Path, empty_database: FreshDatabase
) -> None:
    up(admin_url_file, passwords_file)
    assert to(admin_url_file, "registry", "base") == 0
    assert current(empty_database.admin_url, "registry") is None
    assert current(empty_database.admin_url, "auth") == head_revision("auth")
    for revision in ("0001", "head"):
        assert to(admin_url_file, "registry", revision) == 0
    assert current(empty_database.admin_url, "registry") == head_revision("registry")


@pytest.mark.capability("D5")
def test_up_gives_a_service_the_password_of_the_file(
    admin_url_file: Path, passwords_file: Path, empty_database: FreshDatabase
) -> None:
    up(admin_url_file, passwords_file)
    passwords_file.write_text(json.dumps({"registry": "another"}))
    try:
        assert up(admin_url_file, passwords_file) == 0
        with psycopg.connect(empty_database.server.url("rookery_registry", "another", database=empty_database.name)):
            pass
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(empty_database.url("registry"))
    finally:
        # Roles belong to the whole server, which other tests share.
        passwords_file.write_text(json.dumps({"registry": PASSWORD}))
        up(admin_url_file, passwords_file)


@pytest.mark.parametrize("fault", ["no file", "no server", "no revision", "bad passwords"])
def test_a_migration_that_fails_says_why_in_one_line(
    fault: str, admin_url_file: Path, passwords_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    up(admin_url_file, passwords_file)
    capsys.readouterr()
    if fault == "no file":
        admin_url_file.unlink()
    elif fault == "no server":
        admin_url_file.write_text(f"postgresql://nobody@{free_address()}/nothing")
    elif fault == "bad passwords":
        passwords_file.write_text("{")
    code = to(admin_url_file, "registry", "0999") if fault == "no revision" else up(admin_url_file, passwords_file)
    assert code == EXIT_FAILED
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("rookery-migrate: ")
