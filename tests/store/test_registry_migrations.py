"""Agents that were registered before a revision of the schema are as good as those after it."""

import psycopg
import pytest
from harness.databases import FreshDatabase, OpenDatabase
from harness.registry_store import agent_store, listed
from rookery_kit.postgres.migrations import migrate

OLD_AGENT = """
INSERT INTO registry.agents (
    tenant, id, name, subject, description, capabilities, labels, enrolment_labels, lease_duration, lease_expire_time,
    online, session_epoch, revision
)
VALUES ('default', gen_random_uuid(), 'old', 'agent:old', '', '{write,write,read}', '{"zone": "a"}', '{}',
    '1 minute', now() + interval '1 hour', true, 1, 1)"""


@pytest.mark.capability("D5")
async def test_an_agent_of_the_first_revision_is_looked_up_by_capability_and_label(
    fresh_database: FreshDatabase, open_database: OpenDatabase
) -> None:
    migrate(fresh_database.admin_url, "registry", "0001")
    with psycopg.connect(fresh_database.admin_url, autocommit=True) as admin:
        admin.execute(OLD_AGENT)
    migrate(fresh_database.admin_url, "registry", "head")
    store = agent_store(await open_database("registry"))
    assert await listed(store, "capabilities:read AND labels.zone = a AND status = ONLINE") == ["old"]
    assert await listed(store, "type = '' AND draining = false") == ["old"]
