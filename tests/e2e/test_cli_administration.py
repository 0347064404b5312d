from pathlib import Path

import psycopg
import pytest
from harness.command_line import CommandLine, write_context
from harness.eventually import eventually
from harness.suite import Suite

# Who may do this may do everything; the triggers stop nobody but those who do not know of them.
TAMPERED = {
    "an event that was changed": "UPDATE auth.audit_events SET actor = 'user:nobody' WHERE sequence = 2",
    "an event that was moved to another time": (
        "UPDATE auth.audit_events SET event_time = event_time + interval '1 microsecond' WHERE sequence = 2"
    ),
    "an event that was removed with its link": (
        "DELETE FROM auth.audit_events WHERE sequence = 2; DELETE FROM auth.audit_links WHERE sequence = 2"
    ),
    "a gap that was closed": (
        "DELETE FROM auth.audit_events WHERE sequence = 2; DELETE FROM auth.audit_links WHERE sequence = 2;"
        "UPDATE auth.audit_events SET sequence = sequence - 1 WHERE sequence > 2;"
        "UPDATE auth.audit_links SET sequence = sequence - 1 WHERE sequence > 2"
    ),
    "events that changed places": (
        "UPDATE auth.audit_events SET sequence = 1000 WHERE sequence = 2;"
        "UPDATE auth.audit_events SET sequence = 2 WHERE sequence = 3;"
        "UPDATE auth.audit_events SET sequence = 3 WHERE sequence = 1000"
    ),
    "a link that was changed": "UPDATE auth.audit_links SET hash = sha256('x') WHERE sequence = 2",
}
TRUNCATED = (
    "DELETE FROM auth.audit_events WHERE sequence > 2; DELETE FROM auth.audit_links WHERE sequence > 2",
    "DELETE FROM auth.audit_events; DELETE FROM auth.audit_links",
)


@pytest.fixture
def suite_settings() -> dict[str, dict[str, str]]:
    return {"auth": {"TENANT_ERASURE_SETTLE_SECONDS": "0"}}


@pytest.fixture
def rookery(suite: Suite, tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path, write_context(suite))


def tampered(suite: Suite, statements: str) -> None:
    with psycopg.connect(suite.database.admin_url) as connection:
        # Between two batches of events, or the statements would meet rows that come in meanwhile.
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('auth.audit'))")
        connection.execute("SET LOCAL session_replication_role = replica")
        for statement in statements.split(";"):
            connection.execute(statement.encode())


@pytest.mark.capability("G6")
async def test_tenants_are_created_changed_suspended_and_erased(suite: Suite, rookery: CommandLine) -> None:
    created = await rookery("tenants", "create", "acme", "--name", "Acme Ltd", "-q", "max_agents=5")
    assert (created.code, created.out.startswith("rkk_")) == (0, True)
    acme = {"ROOKERY_API_KEY": created.out.strip()}
    assert (await rookery("agents", "list", environment=acme)).code == 0
    assert "FIRST_TENANT_ONLY" in (await rookery("tenants", "list", environment=acme)).err
    shown = (await rookery("tenants", "show", "acme", "--json")).json
    assert (shown["display_name"], shown["state"], shown["quotas"]["max_agents"]) == ("Acme Ltd", "ACTIVE", 5)
    updated = (await rookery("tenants", "update", "acme", "-q", "max_api_keys=3", "--json")).json
    assert (updated["quotas"]["max_agents"], updated["quotas"]["max_api_keys"]) == (5, 3)
    for wrong in (("-q", "max_wishes=3"), ("-q", "max_agents=many"), ()):
        assert (await rookery("tenants", "update", "acme", *wrong)).code == 2
    assert (await rookery("tenants", "suspend", "acme")).out == "tenant acme is suspended\n"
    assert "TENANT_SUSPENDED" in (await rookery("agents", "list", environment=acme)).err
    assert (await rookery("tenants", "resume", "acme")).code == 0
    listing = await rookery("tenants", "list")
    assert [line.split()[0] for line in listing.lines] == ["ID", "acme", "default"]
    assert (await rookery("tenants", "delete", "acme")).code == 2
    deleted = await rookery("tenants", "delete", "acme", "--yes", "--wait")
    assert (deleted.code, deleted.out) == (0, "tenant acme is erased\n")
    assert "erasing: " in deleted.err
    assert (await rookery("tenants", "show", "acme", "--json")).json["state"] == "DELETED"
    protected = await rookery("tenants", "delete", "default", "--yes")
    assert (protected.code, "TENANT_PROTECTED" in protected.err) == (1, True)


@pytest.mark.capability("G6")
async def test_roles_are_made_bound_checked_and_taken_away(rookery: CommandLine) -> None:
    assert (await rookery("roles", "create", "scribe", "-p", "messages:read", "-p", "topics:*")).code == 0
    roles = {each["name"]: each for each in (await rookery("roles", "list", "--json")).json["roles"]}
    assert roles["scribe"]["permissions"] == ["messages:read", "topics:*"]
    assert roles["observer"]["built_in"]
    assert max(len(line) for line in (await rookery("roles", "list")).lines) < 200
    assert (await rookery("roles", "bind", "user:jane", "scribe")).out == "user:jane has the role scribe\n"
    bindings = (await rookery("roles", "bindings", "--subject", "user:jane", "--json")).json["bindings"]
    assert [(each["role"], each["creator"]) for each in bindings] == [("scribe", "user:admin")]
    may = await rookery("roles", "check", "topics:create", "--subject", "user:jane")
    assert (may.code, may.out) == (0, "user:jane may: scribe (binding) permits topics:*\n")
    method = "rookery.auth.v1.KeyService/RotateSigningKey"
    assert (await rookery("roles", "check", method, "--subject", "user:jane")).code == 1
    assert (await rookery("roles", "check", method)).code == 0
    assert (await rookery("roles", "update", "scribe", "-p", "messages:read", "--description", "Writes")).code == 0
    assert (await rookery("roles", "check", "topics:create", "--subject", "user:jane")).code == 1
    assert (await rookery("roles", "unbind", "user:jane", "scribe")).code == 0
    assert (await rookery("roles", "bindings")).err == "no bindings\n"
    assert (await rookery("roles", "check", "KeyService/RotateSigningKey")).code == 0
    assert (await rookery("roles", "check", "KeyService/Nothing")).code == 1
    assert (await rookery("roles", "delete", "scribe")).code == 2
    assert (await rookery("roles", "delete", "scribe", "--yes")).code == 0
    refused = await rookery("roles", "delete", "observer", "--yes")
    assert (refused.code, "ROLE_BUILT_IN" in refused.err) == (1, True)
    assert (await rookery("roles", "update", "scribe")).code == 2


async def _some_events(rookery: CommandLine) -> None:
    for name in ("ada", "ben", "cyd"):
        assert (await rookery("roles", "bind", f"user:{name}", "observer")).code == 0
    assert (await rookery("roles", "unbind", "user:dan", "observer")).code == 1

    async def recorded() -> bool:
        listing = (await rookery("audit", "list", "--json", "-f", 'resource = "bindings/*"')).json
        return len(listing["events"]) == 4

    await eventually(recorded, within=20)


@pytest.mark.capability("A8")
async def test_the_audit_log_is_listed_and_filtered(rookery: CommandLine) -> None:
    await _some_events(rookery)
    listing = (await rookery("audit", "list", "--json", "--oldest-first", "-f", 'resource = "bindings/*"')).json
    seen = [(each["actor"], each["resource"], each["outcome"], each["reason"]) for each in listing["events"]]
    assert seen[0] == ("user:admin", "bindings/user:ada/observer", "SUCCEEDED", None)
    assert seen[3] == ("user:admin", "bindings/user:dan/observer", "FAILED", "BINDING_NOT_FOUND")
    failed = await rookery("audit", "list", "-f", "outcome = FAILED")
    assert "rookery.auth.v1.PolicyService/UnbindRole" in failed.lines[1]
    wrong = await rookery("audit", "list", "-f", "outcome = MAYBE")
    assert (wrong.code, "INVALID_FILTER" in wrong.err) == (1, True)
    assert 'such as: actor = "user:jane"' in wrong.err


@pytest.mark.capability("A8")
async def test_a_verification_finds_every_way_of_tampering(suite: Suite, rookery: CommandLine) -> None:
    await _some_events(rookery)
    whole = (await rookery("audit", "verify", "--json")).json
    assert whole["events"] >= 4
    assert (await rookery("audit", "verify", "--since-head", whole["head"])).code == 0
    tampered(suite, "CREATE TABLE public.events AS TABLE auth.audit_events")
    tampered(suite, "CREATE TABLE public.links AS TABLE auth.audit_links")
    restored = (
        "DELETE FROM auth.audit_events; DELETE FROM auth.audit_links;"
        "INSERT INTO auth.audit_events TABLE public.events; INSERT INTO auth.audit_links TABLE public.links"
    )
    for what, statements in TAMPERED.items():
        tampered(suite, statements)
        found = await rookery("audit", "verify")
        assert (found.code, "AUDIT_CHAIN_BROKEN" in found.err) == (1, True), what
        tampered(suite, restored)
    for statements in TRUNCATED:
        tampered(suite, statements)
        found = await rookery("audit", "verify", "--since-head", whole["head"])
        assert (found.code, "the log ends here" in found.err) == (1, True)
        tampered(suite, restored)
    other = f"{whole['events']}:{'0' * 64}"
    anew = await rookery("audit", "verify", "--since-head", other)
    assert (anew.code, "written anew" in anew.err) == (1, True)
    assert (await rookery("audit", "verify", "--since-head", "nonsense")).code == 2
    assert (await rookery("audit", "verify")).code == 0
