import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from harness.databases import OpenDatabase
from rookery_auth.credential import CredentialMint
from rookery_auth.master_key import MasterKey
from rookery_auth.model import (
    ApiKey,
    CredentialInvalid,
    EnrollmentToken,
    Identity,
    RefreshFamily,
    RefreshTokenReused,
)
from rookery_auth.postgres import (
    Announcements,
    PostgresApiKeys,
    PostgresBootstrap,
    PostgresEnrollments,
    PostgresRefreshes,
    PostgresRevocations,
    PostgresSigningKeys,
)
from rookery_auth.signing import new_signing_key
from rookery_kit.clock import SystemClock
from rookery_kit.identity_feed import Admission
from rookery_kit.postgres import Database, load_queries

NOW = datetime.now(UTC)
MASTER = MasterKey(bytes(range(32)))


class AuthStore(PostgresEnrollments, PostgresBootstrap):
    """All stores over the same tables."""

    def __init__(self, database: Database, wake: Callable[[], None] = lambda: None) -> None:
        tables = (database, load_queries("rookery_auth"))
        super().__init__(*tables)
        admission = Admission(SystemClock(), stale_after=300)
        # Nothing leaves the outbox here.
        announcements = Announcements(*tables, admission, wake, patience=0.01)
        self.revocations = PostgresRevocations(*tables, announcements)
        self.api_keys = PostgresApiKeys(*tables, self.revocations)
        self.refreshes = PostgresRefreshes(*tables, self.revocations)
        self.signing_keys = PostgresSigningKeys(*tables)

    async def rotate(self, family_id: str, generation: int, nonce: str) -> RefreshFamily:
        return await self.refreshes.rotate(family_id, generation, nonce, NOW + timedelta(minutes=11))


@pytest.fixture
async def store(open_database: OpenDatabase) -> AuthStore:
    return AuthStore(await open_database("auth"))


def token(**changes: object) -> EnrollmentToken:
    made = EnrollmentToken(
        id=str(uuid4()),
        tenant="default",
        creator="user:admin",
        roles=("agent",),
        labels={"team": "docs"},
        digest=b"digest",
        create_time=NOW,
        expire_time=NOW + timedelta(hours=1),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def family(nonce: str = "first", **changes: object) -> RefreshFamily:
    identity = Identity(f"agent:{uuid4()}", "default", ("agent",), {"team": "docs"})
    made = RefreshFamily(str(uuid4()), identity, 1, nonce, NOW + timedelta(days=1), revoked=False)
    return replace(made, **changes)  # type: ignore[arg-type]


async def enrolled(store: AuthStore) -> RefreshFamily:
    kept = await store.add(token())
    return await store.redeem(kept.id, kept.digest, family())


async def test_a_token_added_twice_is_kept_as_it_first_was(store: AuthStore) -> None:
    first = token()
    assert await store.add(first) == first
    assert await store.add(replace(first, roles=("admin",))) == first
    assert await store.find_enrollment(first.id) == first


@pytest.mark.capability("A1")
async def test_an_enrolment_token_earns_one_identity(store: AuthStore) -> None:
    kept = await store.add(token())
    begun = family()
    assert await store.redeem(kept.id, kept.digest, begun) == begun
    with pytest.raises(CredentialInvalid):
        await store.redeem(kept.id, kept.digest, family("second"))


async def test_the_same_exchange_repeated_answers_the_same_identity(store: AuthStore) -> None:
    kept = await store.add(token())
    begun = await store.redeem(kept.id, kept.digest, family())
    assert await store.redeem(kept.id, kept.digest, family()) == begun
    await store.rotate(begun.id, 1, "later")
    with pytest.raises(CredentialInvalid):
        await store.redeem(kept.id, kept.digest, family())


@pytest.mark.parametrize("changes", [{"expire_time": NOW - timedelta(seconds=1)}, {"digest": b"another"}])
async def test_an_expired_or_wrong_enrolment_token_earns_nothing(store: AuthStore, changes: dict[str, object]) -> None:
    kept = await store.add(token(**changes))
    with pytest.raises(CredentialInvalid):
        await store.redeem(kept.id, b"digest", family())


async def test_of_many_who_redeem_at_once_one_wins(store: AuthStore) -> None:
    kept = await store.add(token())
    attempts = (store.redeem(kept.id, kept.digest, family(f"n{number}")) for number in range(8))
    results = await asyncio.gather(*attempts, return_exceptions=True)
    assert sum(isinstance(result, RefreshFamily) for result in results) == 1
    assert sum(isinstance(result, CredentialInvalid) for result in results) == 7


@pytest.mark.capability("A2")
async def test_a_refresh_moves_the_family_on_and_its_repetition_answers_the_same(store: AuthStore) -> None:
    begun = await enrolled(store)
    moved = await store.rotate(begun.id, 1, "a")
    assert (moved.generation, moved.nonce, moved.identity) == (2, "a", begun.identity)
    assert await store.rotate(begun.id, 1, "a") == moved


@pytest.mark.capability("A2")
async def test_a_reused_refresh_token_revokes_its_family(store: AuthStore) -> None:
    begun = await enrolled(store)
    moved = await store.rotate(begun.id, 1, "a")
    with pytest.raises(RefreshTokenReused):
        await store.rotate(begun.id, 1, "b")
    with pytest.raises(CredentialInvalid):
        await store.rotate(begun.id, moved.generation, "c")


async def test_of_two_who_refresh_at_once_one_wins_and_the_family_is_revoked(store: AuthStore) -> None:
    begun = await enrolled(store)
    results = await asyncio.gather(
        store.rotate(begun.id, 1, "a"), store.rotate(begun.id, 1, "b"), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == ["RefreshFamily", "RefreshTokenReused"]


async def test_unknown_ids_are_invalid_credentials(store: AuthStore) -> None:
    for attempt in (
        store.find_enrollment(str(uuid4())),
        store.api_keys.find_for_exchange(str(uuid4())),
        store.rotate(str(uuid4()), 1, "a"),
        store.redeem(str(uuid4()), b"digest", family()),
    ):
        with pytest.raises(CredentialInvalid):
            await attempt


async def test_starts_at_once_agree_on_one_key_and_one_administrator(store: AuthStore) -> None:
    mint = CredentialMint(MASTER)

    def administrator() -> ApiKey:
        key_id = str(uuid4())
        return ApiKey(
            key_id, "default", "user:admin", ("admin",), mint.digest(key_id), NOW, None, creator="service:auth"
        )

    starts = [store.bootstrap(new_signing_key(MASTER, NOW), administrator()) for _ in range(4)]
    results = await asyncio.gather(*starts)
    keys, _ = await store.signing_keys.list_in_use()
    assert len(keys) == 1
    assert len({key.id for key in results}) == 1
    assert (await store.api_keys.get("default", results[0].id)).digest == results[0].digest
