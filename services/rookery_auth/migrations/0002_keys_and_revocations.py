"""API keys and signing keys that rotate, and what is revoked."""

from alembic import op
from rookery_kit.postgres.tenancy import tenant_isolation

revision = "0002"
down_revision = "0001"

# Every API key of revision 0001 was made by the first start.
UPGRADE = """
ALTER TABLE signing_keys
    ALTER COLUMN encrypted_private DROP NOT NULL,
    ADD COLUMN activate_time timestamptz,
    ADD COLUMN retire_time timestamptz,
    ADD COLUMN expire_time timestamptz;
UPDATE signing_keys SET activate_time = create_time;
ALTER TABLE signing_keys ALTER COLUMN activate_time SET NOT NULL;
ALTER TABLE api_keys
    ADD COLUMN display_name text NOT NULL DEFAULT '',
    ADD COLUMN creator text NOT NULL DEFAULT 'service:auth',
    ADD COLUMN scopes text[] NOT NULL DEFAULT '{}',
    ADD COLUMN requests_per_second integer NOT NULL DEFAULT 0,
    ADD COLUMN generation integer NOT NULL DEFAULT 1,
    ADD COLUMN nonce text NOT NULL DEFAULT '0',
    ADD COLUMN rotate_time timestamptz,
    ADD COLUMN previous_digest bytea,
    ADD COLUMN previous_expire_time timestamptz,
    ADD COLUMN last_use_time timestamptz,
    ADD COLUMN revoke_time timestamptz;
CREATE INDEX api_keys_newest ON api_keys (tenant, create_time DESC, id DESC);
CREATE INDEX refresh_families_subject ON refresh_families (tenant, subject);
CREATE TABLE revocations (
    id uuid PRIMARY KEY,
    tenant text NOT NULL,
    kind text NOT NULL,
    target text NOT NULL,
    revoke_time timestamptz NOT NULL,
    expire_time timestamptz NOT NULL,
    CONSTRAINT revocations_target UNIQUE (tenant, kind, target)
);
CREATE INDEX revocations_expire_time ON revocations (expire_time);
"""

DOWNGRADE = """
DROP TABLE revocations;
DROP INDEX refresh_families_subject;
DROP INDEX api_keys_newest;
ALTER TABLE api_keys
    DROP COLUMN display_name,
    DROP COLUMN creator,
    DROP COLUMN scopes,
    DROP COLUMN requests_per_second,
    DROP COLUMN generation,
    DROP COLUMN nonce,
    DROP COLUMN rotate_time,
    DROP COLUMN previous_digest,
    DROP COLUMN previous_expire_time,
    DROP COLUMN last_use_time,
    DROP COLUMN revoke_time;
DELETE FROM signing_keys WHERE encrypted_private IS NULL;
ALTER TABLE signing_keys
    ALTER COLUMN encrypted_private SET NOT NULL,
    DROP COLUMN activate_time,
    DROP COLUMN retire_time,
    DROP COLUMN expire_time;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UPGRADE)
    op.get_bind().exec_driver_sql(tenant_isolation("revocations"))


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWNGRADE)
