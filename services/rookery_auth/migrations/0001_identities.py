"""Credentials, keys, and the shared tables."""

from alembic import op
from rookery_kit.postgres.shared_tables import CREATE_SHARED_TABLES, DROP_SHARED_TABLES
from rookery_kit.postgres.tenancy import tenant_isolation

revision = "0001"
down_revision = None

CREATE = f"""
CREATE TABLE signing_keys (
    kid text PRIMARY KEY,
    public_x text NOT NULL,
    encrypted_private bytea NOT NULL,
    create_time timestamptz NOT NULL
);
CREATE TABLE api_keys (
    id uuid PRIMARY KEY,
    tenant text NOT NULL,
    subject text NOT NULL,
    roles text[] NOT NULL,
    digest bytea NOT NULL,
    create_time timestamptz NOT NULL,
    expire_time timestamptz
);
CREATE INDEX api_keys_subject ON api_keys (tenant, subject);
CREATE TABLE refresh_families (
    id uuid PRIMARY KEY,
    tenant text NOT NULL,
    subject text NOT NULL,
    roles text[] NOT NULL,
    labels jsonb NOT NULL,
    generation bigint NOT NULL CHECK (generation > 0),
    nonce text NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now(),
    use_time timestamptz NOT NULL DEFAULT now(),
    expire_time timestamptz NOT NULL,
    revoke_time timestamptz
);
CREATE TABLE enrollment_tokens (
    id uuid PRIMARY KEY,
    tenant text NOT NULL,
    creator text NOT NULL,
    roles text[] NOT NULL,
    labels jsonb NOT NULL,
    digest bytea NOT NULL,
    create_time timestamptz NOT NULL,
    expire_time timestamptz NOT NULL,
    use_time timestamptz,
    family_id uuid REFERENCES refresh_families (id) DEFERRABLE INITIALLY DEFERRED
);
{tenant_isolation("api_keys", "refresh_families", "enrollment_tokens")}
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(CREATE_SHARED_TABLES)
    op.get_bind().exec_driver_sql(CREATE)


def downgrade() -> None:
    op.get_bind().exec_driver_sql("DROP TABLE enrollment_tokens, refresh_families, api_keys, signing_keys")
    op.get_bind().exec_driver_sql(DROP_SHARED_TABLES)
