from pathlib import Path
from uuid import uuid4

import pytest
from harness.command_line import CommandLine, write_context
from harness.eventually import eventually
from harness.suite import Suite


@pytest.fixture
def rookery(suite: Suite, tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path, write_context(suite))


@pytest.fixture
def suite_settings() -> dict[str, dict[str, str]]:
    return {"auth": {"SIGNING_KEY_ACTIVATION_SECONDS": "5"}}


@pytest.mark.capability("G6")
@pytest.mark.capability("A4")
async def test_api_keys_are_created_used_rotated_and_revoked(rookery: CommandLine) -> None:
    made = await rookery("keys", "create", "nightly", "--subject", "user:ci", "--role", "observer", "--ttl", "90d")
    secret = made.out.strip()
    assert (made.code, secret[:4]) == (0, "rkk_")
    assert "shown once" in made.err
    as_ci = {"ROOKERY_API_KEY": secret}
    assert (await rookery("agents", "list", environment=as_ci)).code == 0
    refused = await rookery("keys", "create", "x", "--role", "observer", environment=as_ci)
    assert refused.code == 1
    assert "PERMISSION_MISSING" in refused.err
    listed = (await rookery("keys", "list", "--subject", "user:ci", "--json")).json["api_keys"]
    assert [(key["display_name"], key["roles"], key["generation"]) for key in listed] == [("nightly", ["observer"], 1)]
    key_id = listed[0]["id"]
    assert "user:ci" in (await rookery("keys", "show", key_id[:13])).out
    rotated = (await rookery("keys", "rotate", key_id, "--overlap", "0s", "--json")).json
    assert rotated["api_key"]["generation"] == 2
    assert (await rookery("agents", "list", environment=as_ci)).code == 1
    as_ci = {"ROOKERY_API_KEY": rotated["secret"]}
    assert (await rookery("agents", "list", environment=as_ci)).code == 0
    assert (await rookery("keys", "revoke", key_id)).code == 2
    assert (await rookery("keys", "revoke", key_id, "--yes")).out == f"API key {key_id} is revoked\n"
    ended = await rookery("agents", "list", environment=as_ci)
    assert (ended.code, "CREDENTIAL_INVALID" in ended.err) == (1, True)
    assert "revoked" in (await rookery("keys", "list")).out
    missing = await rookery("keys", "show", "0000")
    assert (missing.code, "API_KEY_NOT_FOUND" in missing.err) == (1, True)
    assert (await rookery("keys", "create", "x", "--role", "observer", "--ttl", "soon")).code == 2


@pytest.mark.capability("G6")
@pytest.mark.capability("A1")
async def test_enrolment_tokens_are_created_listed_and_revoked(rookery: CommandLine) -> None:
    options = ("--role", "observer", "--label", "team=a", "--ttl", "2d")
    made = await rookery("enrollments", "create", *options)
    assert (made.code, made.out[:4], "shown once" in made.err) == (0, "rke_", True)
    (listed,) = (await rookery("enrollments", "list", "--json")).json["enrollment_tokens"]
    token_id = listed["id"]
    assert (listed["roles"], listed["labels"], listed["creator"]) == (["observer"], {"team": "a"}, "user:admin")
    assert (await rookery("enrollments", "list")).lines[1].rstrip().endswith("in 2d")
    again = (await rookery("enrollments", "create", "--json")).json
    assert (again["secret"][:4], again["enrollment_token"]["roles"]) == ("rke_", ["agent"])
    assert (await rookery("enrollments", "create", "--ttl", "31d")).code == 2
    assert (await rookery("enrollments", "revoke", token_id)).code == 2
    revoked = await rookery("enrollments", "revoke", token_id, "--yes")
    assert revoked.out == f"enrolment token {token_id} is revoked\n"
    assert " revoked " in (await rookery("enrollments", "list")).out
    missing = await rookery("enrollments", "revoke", str(uuid4()), "--yes")
    assert (missing.code, "ENROLLMENT_TOKEN_NOT_FOUND" in missing.err) == (1, True)


@pytest.mark.capability("G6")
@pytest.mark.capability("A3")
async def test_signing_keys_are_listed_and_rotated(rookery: CommandLine) -> None:
    assert [key["state"] for key in (await rookery("signing-keys", "list", "--json")).json["signing_keys"]] == [
        "ACTIVE"
    ]
    rotated = await rookery("signing-keys", "rotate")
    assert (rotated.code, "signs in" in rotated.out) == (0, True)
    again = await rookery("signing-keys", "rotate")
    assert (again.code, "ROTATION_IN_PROGRESS" in again.err) == (1, True)

    async def taken_over() -> bool:
        keys = (await rookery("signing-keys", "list", "--json")).json["signing_keys"]
        return [key["state"] for key in keys] == ["ACTIVE", "RETIRING"]

    await eventually(taken_over, within=30)
    assert (await rookery("signing-keys", "rotate", "--compromised", "--yes")).out.endswith("signs now\n")
    states = [key["state"] for key in (await rookery("signing-keys", "list", "--json")).json["signing_keys"]]
    assert states == ["ACTIVE", "RETIRED", "RETIRED"]


@pytest.mark.capability("G6")
@pytest.mark.capability("A2")
async def test_tokens_are_introspected_and_revoked(suite: Suite, rookery: CommandLine) -> None:
    token = (await suite.administrator())[0][1].removeprefix("Bearer ")
    seen = (await rookery("tokens", "introspect", "--json", given=token.encode())).json
    assert (seen["active"], seen["subject"], seen["scopes"]) == (True, "user:admin", ["*:*"])
    revoked = await rookery("tokens", "revoke", given=token.encode())
    assert revoked.out == f"{seen['token_id']} is revoked\n"

    async def refused() -> bool:
        return "no" in (await rookery("tokens", "introspect", given=token.encode())).lines[0]

    await eventually(refused, within=10)
    assert (await rookery("tokens", "revoke", "--subject", "user:nobody", "--yes")).code == 0
    without = await rookery("tokens", "revoke")
    assert (without.code, "rookery tokens revoke < token.txt" in without.err) == (2, True)
    nobody = await rookery("keys", "list", "--subject", "x y")
    assert (nobody.code, "INVALID_FIELD" in nobody.err, "subject" in nobody.err) == (1, True, True), nobody.err
