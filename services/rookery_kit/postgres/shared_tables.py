"""The tables that every service's first migration creates: outbox, inbox and idempotency.

First migrations have run in the field, so this text never changes; a later need is a later migration.
"""

from rookery_kit.postgres.tenancy import tenant_isolation

CREATE_SHARED_TABLES = f"""
-- Events that leave in the order of their ids, written in the transaction of the change they tell of.
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id text NOT NULL,
    subject text NOT NULL,
    payload bytea NOT NULL,
    traceparent text NOT NULL DEFAULT '',
    create_time timestamptz NOT NULL DEFAULT now()
);
-- Events that have taken effect, so that each takes effect once.
CREATE TABLE inbox (
    consumer text NOT NULL,
    message_id text NOT NULL,
    process_time timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, message_id)
);
CREATE INDEX inbox_process_time ON inbox (process_time);
-- Answers by request_id, written in the transaction of the change.
CREATE TABLE idempotency (
    tenant text NOT NULL,
    subject text NOT NULL,
    method text NOT NULL,
    request_id uuid NOT NULL,
    request_digest bytea NOT NULL,
    answer bytea,
    create_time timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, subject, method, request_id)
);
CREATE INDEX idempotency_create_time ON idempotency (create_time);
{tenant_isolation("idempotency")}
"""

DROP_SHARED_TABLES = "DROP TABLE idempotency, inbox, outbox"
