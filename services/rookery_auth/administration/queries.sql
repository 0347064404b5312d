-- name: find_standing
-- All that decides on a token, at once. $2: the subject, $3: the roles of its credential. The time is that before the
-- reading, whatever transaction it is part of.
WITH bound AS MATERIALIZED (
    SELECT role FROM role_bindings WHERE tenant = $1 AND subject = $2 ORDER BY role
)
SELECT
    statement_timestamp() AS read_time,
    (SELECT state FROM tenants WHERE id = $1) AS state,
    ARRAY(SELECT role FROM bound) AS bound_roles,
    (SELECT coalesce(jsonb_object_agg(name, permissions), '{}') FROM roles
     WHERE tenant = $1 AND (name = ANY($3::text[]) OR name IN (SELECT role FROM bound))) AS custom,
    (SELECT max(revoke_time) FROM revocations
     WHERE tenant = $1 AND (kind = 'subject' AND target = $2
        OR kind = 'role' AND (target = ANY($3::text[]) OR target IN (SELECT role FROM bound)))) AS revoked_until;

-- name: add_role
INSERT INTO roles (tenant, name, description, permissions) VALUES ($1, $2, $3, $4)
RETURNING name, description, permissions, revision, create_time, update_time;

-- name: lock_role
SELECT name, description, permissions, revision, create_time, update_time
FROM roles
WHERE tenant = $1 AND name = $2
FOR UPDATE;

-- name: update_role
UPDATE roles SET description = $3, permissions = $4, revision = revision + 1, update_time = now()
WHERE tenant = $1 AND name = $2
RETURNING name, description, permissions, revision, create_time, update_time;

-- name: remove_role
-- Nothing keeps the name: a role made under it later is another one.
WITH removed AS (
    DELETE FROM roles WHERE tenant = $1 AND name = $2::text
), keys AS (
    UPDATE api_keys SET roles = array_remove(roles, $2::text) WHERE tenant = $1 AND $2::text = ANY(roles)
), families AS (
    UPDATE refresh_families SET roles = array_remove(roles, $2::text) WHERE tenant = $1 AND $2::text = ANY(roles)
), enrollments AS (
    UPDATE enrollment_tokens SET roles = array_remove(roles, $2::text) WHERE tenant = $1 AND $2::text = ANY(roles)
)
DELETE FROM role_bindings WHERE tenant = $1 AND role = $2::text;

-- name: list_roles
SELECT name, description, permissions, revision, create_time, update_time FROM roles WHERE tenant = $1 ORDER BY name;

-- name: find_roles
SELECT name, description, permissions, revision, create_time, update_time
FROM roles
WHERE tenant = $1 AND name = ANY($2::text[]);

-- name: bind_role
INSERT INTO role_bindings (tenant, subject, role, creator) VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant, subject, role) DO NOTHING;

-- name: find_binding
SELECT subject, role, creator, create_time FROM role_bindings WHERE tenant = $1 AND subject = $2 AND role = $3;

-- name: unbind_role
DELETE FROM role_bindings WHERE tenant = $1 AND subject = $2 AND role = $3 RETURNING true;

-- name: list_bindings
-- Keyset paging. $2 and $3: the pair to begin after, $4: a subject, $5: a role.
SELECT subject, role, creator, create_time
FROM role_bindings
WHERE tenant = $1
    AND ($2::text IS NULL OR (subject, role) > ($2, $3))
    AND ($4::text IS NULL OR subject = $4)
    AND ($5::text IS NULL OR role = $5)
ORDER BY subject, role
LIMIT $6;

-- name: list_held_roles
-- What a subject has by bindings and by the credentials that are in force.
SELECT role, 'binding' AS source, '{}'::text[] AS scopes FROM role_bindings WHERE tenant = $1 AND subject = $2
UNION
SELECT unnest(roles), 'credential', scopes FROM api_keys
WHERE tenant = $1 AND subject = $2 AND revoke_time IS NULL AND (expire_time IS NULL OR expire_time > now())
UNION
SELECT unnest(roles), 'credential', '{}' FROM refresh_families
WHERE tenant = $1 AND subject = $2 AND revoke_time IS NULL AND expire_time > now()
ORDER BY 2, 1;

-- name: add_tenant
INSERT INTO tenants (
    id, display_name, requests_per_second, max_agents, max_api_keys, max_mailbox_messages, max_mailbox_bytes
)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (id) DO NOTHING
RETURNING *;

-- name: find_tenant
SELECT * FROM tenants WHERE id = $1;

-- name: lock_tenant
SELECT * FROM tenants WHERE id = $1 FOR UPDATE;

-- name: lock_tenants
SELECT * FROM tenants ORDER BY id FOR UPDATE;

-- name: list_tenants
-- Keyset paging. $1: the id to begin after, $2: a state.
SELECT * FROM tenants WHERE id > $1 AND ($2::text IS NULL OR state = $2) ORDER BY id LIMIT $3;

-- name: update_tenant
UPDATE tenants SET
    display_name = $2,
    requests_per_second = $3,
    max_agents = $4,
    max_api_keys = $5,
    max_mailbox_messages = $6,
    max_mailbox_bytes = $7,
    revision = revision + 1,
    update_time = now()
WHERE id = $1
RETURNING *;

-- name: move_tenant
UPDATE tenants SET state = $2, revision = revision + 1, update_time = now() WHERE id = $1 RETURNING *;

-- name: begin_erasure
UPDATE tenants SET
    state = 'DELETING',
    erasing_services = $2,
    erasure_round = erasure_round + 1,
    round_time = now(),
    told_time = now(),
    revision = revision + 1,
    update_time = now()
WHERE id = $1
RETURNING *;

-- name: note_erased
-- A report of an earlier round, or a second one of the same, changes nothing.
UPDATE tenants SET erasing_services = array_remove(erasing_services, $2), round_time = now()
WHERE id = $1 AND state = 'DELETING' AND erasure_round = $3 AND $2 = ANY(erasing_services);

-- name: remind_of_erasure
UPDATE tenants SET told_time = now() WHERE id = $1;

-- name: list_next_erasures
-- $1: how long after the reports of the first round the next begins, $2: how long after being told services are reminded.
SELECT id FROM tenants
WHERE state = 'DELETING'
    AND CASE
        WHEN erasing_services = '{}' THEN erasure_round > 1 OR round_time <= now() - $1::interval
        ELSE told_time <= now() - $2::interval
    END
ORDER BY id;

-- name: lock_audit_log
-- Held to the end of the transaction: of several replicas one at a time adds to the log.
SELECT pg_advisory_xact_lock(hashtext(current_schema() || '.audit'));

-- name: find_audit_heads
SELECT t.tenant, l.sequence, l.hash
FROM unnest($1::text[]) AS t (tenant)
CROSS JOIN LATERAL (
    SELECT sequence, hash FROM audit_links AS a WHERE a.tenant = t.tenant ORDER BY sequence DESC LIMIT 1
) AS l;

-- name: find_audit_events
SELECT e.tenant, e.id
FROM audit_events AS e
JOIN unnest($1::text[], $2::uuid[]) AS asked (tenant, id) ON asked.tenant = e.tenant AND asked.id = e.id;

-- name: add_audit_event
-- $12: the time, in microseconds since 1970. Added to an instant, because a double would not hold all of them.
INSERT INTO audit_events (
    tenant, sequence, id, actor, delegates, action, resource, outcome, reason, token_id, trace_id, event_time, details,
    service
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,
        '1970-01-01T00:00:00Z'::timestamptz + $12::bigint * interval '1 microsecond', $13, $14);

-- name: add_audit_link
INSERT INTO audit_links (tenant, sequence, previous_hash, hash) VALUES ($1, $2, $3, $4);

-- name: list_audit_events
SELECT e.*, l.previous_hash, l.hash
FROM audit_events AS e
JOIN audit_links AS l USING (tenant, sequence)
WHERE e.tenant = $1 AND ($2::bigint IS NULL OR e.sequence > $2) /* filter */
ORDER BY e.sequence
LIMIT $3;

-- name: list_latest_audit_events
SELECT e.*, l.previous_hash, l.hash
FROM audit_events AS e
JOIN audit_links AS l USING (tenant, sequence)
WHERE e.tenant = $1 AND ($2::bigint IS NULL OR e.sequence < $2) /* filter */
ORDER BY e.sequence DESC
LIMIT $3;
