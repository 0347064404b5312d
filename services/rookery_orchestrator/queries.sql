-- name: create_tasks
-- One statement for all the tasks that callers are waiting for. A request_id that is known adds nothing.
INSERT INTO tasks (
    id, tenant, creator, request_id, request_digest, title, capability, priority, input_type, input_data, labels,
    max_attempts, lease_duration, deadline, traceparent
)
SELECT id, tenant, creator, request_id, request_digest, title, capability, priority, input_type, input_data,
    labels::jsonb, max_attempts, lease_duration, deadline, traceparent
FROM unnest(
    $1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::bytea[], $6::text[], $7::text[], $8::smallint[], $9::text[],
    $10::bytea[], $11::text[], $12::integer[], $13::interval[], $14::timestamptz[], $15::text[]
) AS n (id, tenant, creator, request_id, request_digest, title, capability, priority, input_type, input_data, labels,
    max_attempts, lease_duration, deadline, traceparent)
ON CONFLICT DO NOTHING
RETURNING *;

-- name: find_tasks_by_request
SELECT t.*
FROM unnest($1::text[], $2::text[], $3::uuid[]) AS r (tenant, creator, request_id)
JOIN tasks AS t USING (tenant, creator, request_id);

-- name: find_task
SELECT * FROM tasks WHERE tenant = $1 AND id = $2;

-- name: list_attempts
SELECT * FROM task_attempts WHERE tenant = $1 AND task_id = $2 ORDER BY lease_epoch;

-- name: list_tasks
SELECT * FROM tasks
WHERE tenant = $1
    AND ($2::uuid IS NULL OR id < $2)
    AND ($3::text IS NULL OR state = $3)
    AND ($4::text IS NULL OR capability = $4)
    AND labels @> $5::jsonb
ORDER BY id DESC
LIMIT $6;

-- name: lock_task
SELECT * FROM tasks WHERE tenant = $1 AND id = $2 FOR UPDATE;

-- name: cancel_task
UPDATE tasks
SET state = 'CANCELED', lease_expire_time = NULL, end_time = now(), update_time = now(), revision = revision + 1
WHERE id = $1
RETURNING *;

-- name: find_waiting
SELECT d.tenant, d.capability
FROM unnest($1::text[], $2::text[]) AS d (tenant, capability)
WHERE EXISTS (
    SELECT FROM tasks AS t
    WHERE t.tenant = d.tenant AND t.capability = d.capability AND t.state = 'SUBMITTED' AND t.start_after <= now()
);

-- name: claim_tasks
-- The first waiting tasks that no other replica is at, one for each slot. Materialised, so that LIMIT holds.
WITH waiting AS MATERIALIZED (
    SELECT id
    FROM tasks
    WHERE tenant = $1 AND capability = $2 AND state = 'SUBMITTED' AND start_after <= now()
        AND (deadline IS NULL OR deadline > now())
    ORDER BY priority DESC, id
    LIMIT cardinality($3::uuid[])
    FOR UPDATE SKIP LOCKED
),
numbered AS (
    SELECT id, row_number() OVER () AS slot FROM waiting
),
claimed AS (
    UPDATE tasks AS t
    SET state = 'WORKING', agent_id = ($3::uuid[])[n.slot], lease_epoch = lease_epoch + 1, attempts = attempts + 1,
        lease_expire_time = now() + lease_duration, progress = 0, progress_message = '', update_time = now(),
        revision = revision + 1
    FROM numbered AS n
    WHERE t.id = n.id
    RETURNING t.*
),
attempted AS (
    INSERT INTO task_attempts (tenant, task_id, lease_epoch, agent_id)
    SELECT tenant, id, lease_epoch, agent_id FROM claimed
)
SELECT * FROM claimed;

-- name: extend_leases
-- Rows are locked in the order of their ids, here and below, so that statements do not wait for each other in a ring.
WITH held AS MATERIALIZED (
    SELECT t.id
    FROM unnest($1::uuid[], $2::bigint[], $3::uuid[]) AS h (id, lease_epoch, agent_id)
    JOIN tasks AS t USING (id, lease_epoch, agent_id)
    WHERE t.state = 'WORKING'
    ORDER BY t.id
    FOR UPDATE OF t
)
UPDATE tasks AS t
SET lease_expire_time = now() + t.lease_duration
FROM held
WHERE t.id = held.id
RETURNING t.id, t.lease_epoch, t.lease_duration;

-- name: shorten_leases
WITH held AS MATERIALIZED (
    SELECT t.id
    FROM unnest($1::uuid[], $2::bigint[], $3::uuid[]) AS h (id, lease_epoch, agent_id)
    JOIN tasks AS t USING (id, lease_epoch, agent_id)
    WHERE t.state = 'WORKING'
    ORDER BY t.id
    FOR UPDATE OF t
)
UPDATE tasks AS t
SET lease_expire_time = least(t.lease_expire_time, now() + $4::interval)
FROM held
WHERE t.id = held.id;

-- name: disown_leases
WITH held AS MATERIALIZED (
    SELECT id FROM tasks
    WHERE agent_id = $1 AND state = 'WORKING' AND NOT id = ANY ($2::uuid[])
    ORDER BY id
    FOR UPDATE
)
UPDATE tasks AS t SET lease_expire_time = now() FROM held WHERE t.id = held.id;

-- name: lock_reported
-- What is reported, with the task's present state. The fence: agent, epoch and state.
SELECT t.id, t.lease_epoch, t.agent_id, t.state
FROM tasks AS t
WHERE t.id = ANY ($1::uuid[])
ORDER BY t.id
FOR UPDATE;

-- name: complete_tasks
UPDATE tasks AS t
SET state = 'COMPLETED', output_type = r.output_type, output_data = r.output_data, progress = 1,
    lease_expire_time = NULL, end_time = now(), update_time = now(), revision = revision + 1
FROM unnest($1::uuid[], $2::text[], $3::bytea[]) AS r (id, output_type, output_data)
WHERE t.id = r.id
RETURNING t.*;

-- name: fail_tasks
-- A failure that may be retried sends the task back, until its attempts are used up.
UPDATE tasks AS t
SET state = CASE
        WHEN r.kind = 'REJECTED' THEN 'REJECTED'
        WHEN r.kind = 'RETRYABLE' AND t.attempts < t.max_attempts THEN 'SUBMITTED'
        ELSE 'FAILED'
    END,
    error_reason = CASE
        WHEN r.kind = 'RETRYABLE' AND t.attempts < t.max_attempts THEN NULL
        WHEN r.kind = 'RETRYABLE' THEN 'ATTEMPTS_EXHAUSTED'
        ELSE r.reason
    END,
    error_message = CASE WHEN r.kind = 'RETRYABLE' AND t.attempts < t.max_attempts THEN NULL ELSE r.message END,
    end_time = CASE WHEN r.kind = 'RETRYABLE' AND t.attempts < t.max_attempts THEN NULL ELSE now() END,
    start_after = now() + r.retry_delay,
    lease_expire_time = NULL, update_time = now(), revision = revision + 1
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::interval[]) AS r (id, kind, reason, message, retry_delay)
WHERE t.id = r.id
RETURNING t.*;

-- name: release_tasks
-- A lease given back was no attempt.
UPDATE tasks AS t
SET state = 'SUBMITTED', attempts = attempts - 1, lease_expire_time = NULL, start_after = now(), update_time = now(),
    revision = revision + 1
WHERE t.id = ANY ($1::uuid[])
RETURNING t.*;

-- name: end_attempts
UPDATE task_attempts AS a
SET end_time = now(), outcome = r.outcome, error_message = r.error_message
FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[]) AS r (task_id, lease_epoch, outcome, error_message)
WHERE a.task_id = r.task_id AND a.lease_epoch = r.lease_epoch AND a.outcome IS NULL;

-- name: record_progress
WITH held AS MATERIALIZED (
    SELECT t.id, h.fraction, h.message
    FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::double precision[], $5::text[])
        AS h (id, lease_epoch, agent_id, fraction, message)
    JOIN tasks AS t USING (id, lease_epoch, agent_id)
    WHERE t.state = 'WORKING'
    ORDER BY t.id
    FOR UPDATE OF t
)
UPDATE tasks AS t
SET progress = held.fraction, progress_message = held.message, update_time = now(), revision = revision + 1
FROM held
WHERE t.id = held.id
RETURNING t.*;

-- name: reap_leases
WITH lapsed AS MATERIALIZED (
    SELECT id FROM tasks
    WHERE state = 'WORKING' AND lease_expire_time <= now()
    LIMIT $1
    FOR UPDATE SKIP LOCKED
)
UPDATE tasks AS t
SET state = CASE WHEN t.attempts < t.max_attempts THEN 'SUBMITTED' ELSE 'FAILED' END,
    error_reason = CASE WHEN t.attempts < t.max_attempts THEN NULL ELSE 'ATTEMPTS_EXHAUSTED' END,
    error_message = CASE
        WHEN t.attempts < t.max_attempts THEN NULL
        ELSE 'the lease of the last of ' || t.max_attempts || ' attempts ran out'
    END,
    end_time = CASE WHEN t.attempts < t.max_attempts THEN NULL ELSE now() END,
    lease_expire_time = NULL, start_after = now(), update_time = now(), revision = revision + 1
FROM lapsed
WHERE t.id = lapsed.id
RETURNING t.*;

-- name: reap_deadlines
WITH due AS MATERIALIZED (
    SELECT id FROM tasks
    WHERE deadline <= now() AND state IN ('SUBMITTED', 'WORKING')
    LIMIT $1
    FOR UPDATE SKIP LOCKED
)
UPDATE tasks AS t
SET state = 'FAILED', error_reason = 'DEADLINE_EXCEEDED', error_message = 'the deadline of the task has passed',
    lease_expire_time = NULL, end_time = now(), update_time = now(), revision = revision + 1
FROM due
WHERE t.id = due.id
RETURNING t.*;

-- name: find_agent
SELECT * FROM agents WHERE tenant = $1 AND id = $2 AND registered;

-- name: find_agent_by_name
SELECT * FROM agents WHERE tenant = $1 AND name = $2 AND registered ORDER BY revision DESC LIMIT 1;

-- name: learn_agent
INSERT INTO agents (tenant, id, name, capabilities, online, registered, session_epoch, revision)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (tenant, id) DO UPDATE
SET name = EXCLUDED.name, capabilities = EXCLUDED.capabilities, online = EXCLUDED.online,
    registered = EXCLUDED.registered, session_epoch = EXCLUDED.session_epoch, revision = EXCLUDED.revision
WHERE agents.revision < EXCLUDED.revision;

-- name: add_settled_messages
INSERT INTO settled_messages (tenant, key, delivery)
SELECT * FROM unnest($1::text[], $2::bytea[], $3::integer[])
ON CONFLICT DO NOTHING;

-- name: find_settled_messages
SELECT key FROM settled_messages WHERE key = ANY($1::bytea[]);

-- name: oldest_transaction_under_way
SELECT pg_snapshot_xmin(pg_current_snapshot())::text;

-- name: count_settled_messages
SELECT count(*) FROM (SELECT FROM settled_messages WHERE settle_time > $1 LIMIT $2) AS counted;

-- name: read_settled_messages
SELECT key FROM settled_messages WHERE key > $1 AND settle_time > $2 ORDER BY key LIMIT $3;

-- name: read_on_settled_messages
SELECT xid::text AS xid, key FROM settled_messages
WHERE (xid, key) > ($1::text::xid8, $2) AND xid IS NOT NULL ORDER BY xid, key LIMIT $3;

-- name: sweep_settled_messages
DELETE FROM settled_messages WHERE key IN (
    SELECT key FROM settled_messages WHERE settle_time < now() - $1::interval LIMIT $2
);

-- name: add_delayed_messages
INSERT INTO delayed_messages (tenant, sender, id, recipient, priority, deliver_time, mail)
SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[], $4::uuid[], $5::text[], $6::timestamptz[], $7::bytea[])
ON CONFLICT DO NOTHING
RETURNING tenant, sender, id;

-- name: count_delayed_messages
SELECT (SELECT count(*) FROM delayed_messages AS d WHERE d.tenant = m.tenant AND d.recipient = m.recipient) AS count
FROM unnest($1::text[], $2::uuid[]) WITH ORDINALITY AS m (tenant, recipient, place)
ORDER BY place;

-- name: take_due_messages
SELECT tenant, sender, id, mail
FROM delayed_messages
WHERE deliver_time <= now()
ORDER BY deliver_time
LIMIT $1
FOR UPDATE SKIP LOCKED;

-- name: remove_delayed_messages
DELETE FROM delayed_messages
WHERE (tenant, sender, id) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[]));

-- name: postpone_delayed_messages
UPDATE delayed_messages
SET deliver_time = now() + $4
WHERE (tenant, sender, id) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[]));

-- name: read_clock
SELECT clock_timestamp();

-- name: find_next_delayed_message
SELECT extract(epoch FROM min(deliver_time) - now())::float8 FROM delayed_messages;

-- name: cancel_delayed_messages
DELETE FROM delayed_messages WHERE tenant = $1 AND recipient = $2 AND ($3::text IS NULL OR priority = $3);
