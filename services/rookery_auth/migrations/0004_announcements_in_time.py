"""Revocations that reach to their commit, announcements that leave first, enrolment tokens that can be revoked."""

from alembic import op

revision = "0004"
down_revision = "0003"

# A token is refused when it was issued at revoke_time or before, so nothing that was read before the commit may be
# issued after revoke_time. The trigger runs at the commit, and leaves it a quarter of a second.
UPGRADE = """
CREATE FUNCTION require_timely_revocation() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF clock_timestamp() > NEW.revoke_time - interval '250 milliseconds' THEN
        RAISE EXCEPTION 'the revocation took longer than it reaches ahead' USING ERRCODE = 'serialization_failure';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER timely AFTER INSERT OR UPDATE ON revocations
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.revoke_time < NEW.expire_time) EXECUTE FUNCTION require_timely_revocation();
CREATE INDEX outbox_identity ON outbox (id) WHERE split_part(subject, '.', 3) = 'identity';
ALTER TABLE enrollment_tokens ADD COLUMN revoke_time timestamptz;
CREATE INDEX enrollment_tokens_newest ON enrollment_tokens (tenant, create_time DESC, id DESC);
"""

DOWNGRADE = """
DROP INDEX enrollment_tokens_newest;
UPDATE enrollment_tokens SET expire_time = least(expire_time, revoke_time) WHERE revoke_time IS NOT NULL;
ALTER TABLE enrollment_tokens DROP COLUMN revoke_time;
DROP INDEX outbox_identity;
DROP TRIGGER timely ON revocations;
DROP FUNCTION require_timely_revocation();
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UPGRADE)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWNGRADE)
