from datetime import UTC, datetime

import pytest
from rookery_kit.identity import Principal


def holder(*permissions: str, subject: str = "agent:7") -> Principal:
    return Principal(
        subject=subject,
        tenant="acme",
        roles=(),
        permissions=frozenset(permissions),
        token_id="t",
        expires_at=datetime.now(UTC),
    )


@pytest.mark.capability("A5")
@pytest.mark.parametrize("held", ["agents:read", "agents:*", "*:read", "*:*"])
def test_a_permission_is_held_by_itself_or_by_a_wildcard_in_either_place(held: str) -> None:
    assert holder(held).permits("agents:read")


@pytest.mark.capability("A5")
@pytest.mark.parametrize("held", ["agents:manage", "tasks:*", "agents", "*", "*:manage", "agents:re", ""])
def test_no_other_permission_is_enough(held: str) -> None:
    assert not holder(held).permits("agents:read")


@pytest.mark.parametrize(
    ("subject", "kind", "identifier"),
    [("agent:7", "agent", "7"), ("user:a:b", "user", "a:b"), ("odd", "odd", "")],
)
def test_a_subject_says_what_calls_and_which(subject: str, kind: str, identifier: str) -> None:
    assert (holder(subject=subject).kind, holder(subject=subject).identifier) == (kind, identifier)
