-- name: serialise_registrations
-- Two registrations of one identity at once: the later one takes its numbers after the earlier has committed, so
-- that epochs and revisions rise even where there is no row yet, or no longer, to lock.
SELECT pg_advisory_xact_lock(hashtextextended($1::text || '/' || $2::text, 0));

-- name: register_agent
-- Conflicts on the id begin a new session; the row is locked by then. A conflict on the name is an error.
INSERT INTO agents (
    tenant, id, name, subject, description, capabilities, labels, enrolment_labels,
    lease_duration, lease_expire_time, online, session_epoch, revision
)
VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb || $8::jsonb, $8, $9, now() + $9, true,
        nextval('session_epochs'), nextval('revisions'))
ON CONFLICT (tenant, id) DO UPDATE SET
    description = EXCLUDED.description,
    capabilities = EXCLUDED.capabilities,
    labels = EXCLUDED.labels,
    enrolment_labels = EXCLUDED.enrolment_labels,
    lease_duration = EXCLUDED.lease_duration,
    lease_expire_time = EXCLUDED.lease_expire_time,
    online = true,
    session_epoch = nextval('session_epochs'),
    revision = nextval('revisions'),
    update_time = now()
RETURNING agents.*, is_live(agents) AS live;

-- name: find_agent
SELECT agents.*, is_live(agents) AS live FROM agents WHERE tenant = $1 AND id = $2;

-- name: lock_agent
SELECT agents.*, is_live(agents) AS live FROM agents WHERE tenant = $1 AND id = $2 FOR UPDATE;

-- name: list_agents
-- Keyset paging over the index of names. $2: the name to begin after, $3: name, $4: capability, $5: live or not.
SELECT agents.*, is_live(agents) AS live
FROM agents
WHERE tenant = $1
    AND ($2::text IS NULL OR name > $2)
    AND ($3::text IS NULL OR name = $3)
    AND ($4::text IS NULL OR capabilities @> ARRAY[$4])
    AND ($5::boolean IS NULL OR is_live(agents) = $5)
ORDER BY name
LIMIT $6;

-- name: extend_lease
-- The hot path: touches no indexed column. A lease that has run out is not extended but begun anew, so that
-- whoever read the agent as offline hears that it is back.
UPDATE agents SET lease_expire_time = now() + lease_duration
WHERE tenant = $1 AND id = $2 AND session_epoch = $3 AND is_live(agents)
RETURNING lease_duration;

-- name: begin_lease
UPDATE agents SET
    online = true, lease_expire_time = now() + lease_duration, revision = nextval('revisions'), update_time = now()
WHERE tenant = $1 AND id = $2
RETURNING agents.*, is_live(agents) AS live;

-- name: end_lease
UPDATE agents SET
    online = false,
    lease_expire_time = least(lease_expire_time, now()),
    revision = nextval('revisions'),
    update_time = now()
WHERE tenant = $1 AND id = $2 AND online
RETURNING agents.*, is_live(agents) AS live;

-- name: expire_leases
-- Every tenant's. A replica passes over the rows that another one is at. Materialised, so that LIMIT holds.
WITH lapsed AS MATERIALIZED (
    SELECT tenant, id
    FROM agents
    WHERE online AND lease_expire_time <= now()
    LIMIT $1
    FOR UPDATE SKIP LOCKED
)
UPDATE agents SET online = false, revision = nextval('revisions'), update_time = now()
FROM lapsed
WHERE agents.tenant = lapsed.tenant AND agents.id = lapsed.id
RETURNING agents.*, is_live(agents) AS live;

-- name: update_agent
-- NULL leaves an attribute as it is.
UPDATE agents SET
    capabilities = coalesce($3::text[], capabilities),
    labels = coalesce($4::jsonb || enrolment_labels, labels),
    description = coalesce($5::text, description),
    revision = nextval('revisions'),
    update_time = now()
WHERE tenant = $1 AND id = $2
RETURNING agents.*, is_live(agents) AS live;

-- name: remove_agent
DELETE FROM agents
WHERE tenant = $1 AND id = $2
RETURNING agents.*, is_live(agents) AS live, nextval('revisions') AS removal_revision;

-- name: register_mcp_server
INSERT INTO mcp_servers (tenant, id, name, description, command, args, env, cwd, url, enabled, revision)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, nextval('revisions'))
RETURNING *;

-- name: find_mcp_server
SELECT * FROM mcp_servers WHERE tenant = $1 AND id = $2;

-- name: find_mcp_server_by_name
SELECT * FROM mcp_servers WHERE tenant = $1 AND name = $2;

-- name: list_mcp_servers
-- Keyset paging over the index of names. $2: the name to begin after.
SELECT * FROM mcp_servers WHERE tenant = $1 AND ($2::text IS NULL OR name > $2) ORDER BY name LIMIT $3;

-- name: remove_mcp_server
DELETE FROM mcp_servers
WHERE tenant = $1 AND id = $2
RETURNING *, nextval('revisions') AS removal_revision;
