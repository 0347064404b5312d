-- name: reserve
-- Takes the right to execute a call, under this executor's living lease. One row: it is ours, anew or taken over from
-- an executor that was lost (only where repeating adds no effect). No row: the request_id stands for another
-- execution, or our own lease has run out.
INSERT INTO executions AS e
    (tenant, id, subject, request_id, call_digest, task_id, server, tool, arguments, repeatable, state, executor_id,
     delegates)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'RESERVED', own.id, $12
FROM executors own
WHERE own.id = $11 AND own.lease_expire_time > clock_timestamp()
ON CONFLICT (tenant, subject, request_id) WHERE request_id IS NOT NULL DO UPDATE
SET executor_id = EXCLUDED.executor_id, epoch = e.epoch + 1, state = 'RESERVED', error_reason = '', error_message = '',
    delegates = EXCLUDED.delegates
WHERE e.repeatable
  AND e.call_digest = EXCLUDED.call_digest
  AND (
    e.state = 'AMBIGUOUS'
    OR e.state = 'RESERVED' AND NOT EXISTS (
        SELECT FROM executors owner WHERE owner.id = e.executor_id AND owner.lease_expire_time > clock_timestamp()
    )
  )
RETURNING e.id, e.epoch, e.create_time;

-- name: recall
-- What stands under a request_id, whether it is the same call, and whether its owner is gone.
SELECT
    e.*,
    e.call_digest = $4 AS same_call,
    NOT EXISTS (
        SELECT FROM executors owner WHERE owner.id = e.executor_id AND owner.lease_expire_time > clock_timestamp()
    ) AS ownerless
FROM executions e
WHERE e.tenant = $1 AND e.subject = $2 AND e.request_id = $3;

-- name: finalise
-- Records the outcome, fenced by the epoch. An execution that was called ambiguous meanwhile is so no longer.
-- $10: the tool was certainly not called, so the request_id may be used again.
UPDATE executions
SET state = $4,
    content = $5,
    structured_content = $6,
    is_error = $7,
    error_reason = $8,
    error_message = $9,
    end_time = CASE WHEN $4 = 'AMBIGUOUS' THEN NULL ELSE clock_timestamp() END,
    request_id = CASE WHEN $10::boolean THEN NULL ELSE request_id END
WHERE tenant = $1 AND id = $2 AND epoch = $3 AND state IN ('RESERVED', 'AMBIGUOUS')
RETURNING end_time - create_time AS duration;

-- name: refuse
-- Records a call that ended before anything could be reserved for it.
INSERT INTO executions
    (tenant, id, subject, call_digest, task_id, server, tool, arguments, repeatable, state, executor_id,
     error_reason, error_message, end_time, delegates)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, false, 'FAILED', $9, $10, $11, now(), $12);

-- name: page_executions
-- One page, newest first: ids are made in the order of time. It ends with the execution that uses up $6 bytes, so
-- that a page of large answers still fits into a message. `found` counts what a page without that limit would hold.
SELECT *
FROM (
    SELECT *, sum(bytes) OVER (ORDER BY id DESC) AS running_bytes, count(*) OVER () AS found
    FROM (
        SELECT
            *,
            octet_length(arguments) + coalesce(octet_length(content), 0)
                + coalesce(octet_length(structured_content), 0) AS bytes
        FROM executions
        WHERE tenant = $1
          AND ($2::uuid IS NULL OR id < $2)
          AND ($3 = '' OR server = $3)
          AND ($4::uuid IS NULL OR task_id = $4)
        ORDER BY id DESC
        LIMIT $5
    ) sized
) counted
WHERE running_bytes - bytes < $6
ORDER BY id DESC;

-- name: renew_lease
INSERT INTO executors (id, lease_expire_time) VALUES ($1, clock_timestamp() + $2)
ON CONFLICT (id) DO UPDATE SET lease_expire_time = EXCLUDED.lease_expire_time;

-- name: close_lease
DELETE FROM executors WHERE id = $1;

-- name: sweep_ownerless
-- Names what lost executors left behind, across tenants.
UPDATE executions e
SET state = 'AMBIGUOUS', error_reason = 'EXECUTION_AMBIGUOUS', error_message = 'the executor was lost during the call'
WHERE e.state = 'RESERVED'
  AND NOT EXISTS (
    SELECT FROM executors owner WHERE owner.id = e.executor_id AND owner.lease_expire_time > clock_timestamp()
  );

-- name: sweep_executors
-- Forgets executors that have been gone for a day.
DELETE FROM executors WHERE lease_expire_time < now() - interval '1 day';

-- name: sweep_tombstones
-- Events are kept on the bus for a week, so none about these can come any more.
DELETE FROM mcp_servers WHERE deleted AND update_time < now() - interval '8 days';

-- name: held_by
-- What an executor has reserved, across tenants.
SELECT tenant, id::text AS id, epoch FROM executions WHERE executor_id = $1 AND state = 'RESERVED';

-- name: abandon
-- Names a reserved execution that its own executor does not know of any more.
UPDATE executions
SET state = 'AMBIGUOUS', error_reason = 'EXECUTION_AMBIGUOUS', error_message = 'the executor lost track of the call'
WHERE tenant = $1 AND id = $2 AND epoch = $3 AND state = 'RESERVED';

-- name: find_server
-- The latest server of a name: one may have been deleted and registered anew.
SELECT * FROM mcp_servers WHERE tenant = $1 AND name = $2 AND NOT deleted ORDER BY id DESC LIMIT 1;

-- name: list_servers
SELECT DISTINCT ON (name) * FROM mcp_servers WHERE tenant = $1 AND NOT deleted ORDER BY name, id DESC;

-- name: remember_server
-- Keeps what the registry answered, unless an event has told of this server already.
INSERT INTO mcp_servers (tenant, id, name, etag, enabled, transport, revision)
VALUES ($1, $2, $3, $4, $5, $6, 0)
ON CONFLICT (tenant, id) DO UPDATE
SET etag = EXCLUDED.etag, enabled = EXCLUDED.enabled, transport = EXCLUDED.transport, update_time = now()
WHERE mcp_servers.revision = 0 AND NOT mcp_servers.deleted;

-- name: apply_server_change
-- Follows an event; one that is older than what is known changes nothing.
INSERT INTO mcp_servers (tenant, id, name, etag, enabled, transport, revision, deleted)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (tenant, id) DO UPDATE
SET name = EXCLUDED.name, etag = EXCLUDED.etag, enabled = EXCLUDED.enabled, transport = EXCLUDED.transport,
    revision = EXCLUDED.revision, deleted = EXCLUDED.deleted, update_time = now()
WHERE mcp_servers.revision < EXCLUDED.revision
RETURNING true;
