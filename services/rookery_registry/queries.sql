-- name: serialise_registrations
-- Two registrations of one identity at once: the later one takes its numbers after the earlier has committed, so
-- that epochs and revisions rise even where there is no row yet, or no longer, to lock.
SELECT pg_advisory_xact_lock(hashtextextended($1::text || '/' || $2::text, 0));

-- name: serialise_growth
-- Registrations of new agents one after the other, where the tenant may have only so many.
SELECT pg_advisory_xact_lock(hashtextextended('agents of ' || $1::text, 0));

-- name: count_agents
-- Counts no further than $2.
SELECT count(*) FROM (SELECT FROM agents WHERE tenant = $1 LIMIT $2) AS counted;

-- name: register_agent
-- Conflicts on the id begin a new session; the row is locked by then. A conflict on the name is an error.
INSERT INTO agents (
    tenant, id, name, subject, description, capabilities, labels, enrolment_labels, lease_duration,
    type, version, endpoint, skills, config,
    lease_expire_time, online, session_epoch, revision
)
VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb || $8::jsonb, $8, $9,
        $10, $11, $12, $13, $14,
        now() + $9, true, nextval('session_epochs'), nextval('revisions'))
ON CONFLICT (tenant, id) DO UPDATE SET
    description = EXCLUDED.description,
    capabilities = EXCLUDED.capabilities,
    labels = EXCLUDED.labels,
    enrolment_labels = EXCLUDED.enrolment_labels,
    lease_duration = EXCLUDED.lease_duration,
    type = EXCLUDED.type,
    version = EXCLUDED.version,
    endpoint = EXCLUDED.endpoint,
    skills = EXCLUDED.skills,
    config = EXCLUDED.config,
    lease_expire_time = EXCLUDED.lease_expire_time,
    online = true,
    card_stale = false,
    session_epoch = nextval('session_epochs'),
    revision = nextval('revisions'),
    update_time = now()
RETURNING agents.*, is_live(agents) AS live;

-- name: find_agent
SELECT agents.*, is_live(agents) AS live FROM agents WHERE tenant = $1 AND id = $2;

-- name: lock_agent
SELECT agents.*, is_live(agents) AS live FROM agents WHERE tenant = $1 AND id = $2 FOR UPDATE;

-- name: list_agents
-- Keyset paging over the index of names. $2: the name to begin after; {condition}: the filter, its values from $4 on.
SELECT agents.*, is_live(agents) AS live
FROM agents
WHERE tenant = $1 AND name > $2 AND {condition}
ORDER BY name
LIMIT $3;

-- name: rank_agents
-- The cost is explained at AgentService.FindAgents. Ranked on few columns; the whole rows of the best are read after.
-- $2: how many, $3: the highest cost or NULL; {condition}: what is wanted, its values from $4 on.
WITH candidates AS (
    SELECT agents.id, agents.name, l.in_flight, l.capacity, l.error_rate, l.mean_response_ms,
        l.update_time AS report_time,
        CASE WHEN l.capacity > 0 THEN l.in_flight::double precision / l.capacity ELSE 0.5 END
            + coalesce(2 * l.error_rate + l.mean_response_ms / (l.mean_response_ms + 1000), 0) AS cost
    FROM agents
    LEFT JOIN agent_load AS l
        ON l.tenant = agents.tenant AND l.agent_id = agents.id
        AND l.update_time > now() - 2 * agents.lease_duration
    WHERE agents.tenant = $1 AND is_live(agents) AND NOT agents.draining AND {condition}
        AND (l.capacity IS NULL OR l.capacity = 0 OR l.in_flight < l.capacity)
),
best AS (
    SELECT * FROM candidates WHERE $3::double precision IS NULL OR cost <= $3 ORDER BY cost, name LIMIT $2
)
SELECT agents.*, is_live(agents) AS live, best.cost, best.report_time, best.in_flight, best.capacity,
    best.error_rate, best.mean_response_ms
FROM best
JOIN agents ON agents.tenant = $1 AND agents.id = best.id
ORDER BY best.cost, best.name;

-- name: end_lease
UPDATE agents SET
    online = false,
    lease_expire_time = least(lease_expire_time, now()),
    revision = nextval('revisions'),
    update_time = now()
WHERE tenant = $1 AND id = $2 AND online
RETURNING agents.*, is_live(agents) AS live;

-- name: note_sweep
-- One sweep at a time: no row when another replica is at it. Answers when the last one was, and how long ago.
WITH before AS MATERIALIZED (SELECT sweep_time FROM lease_sweeps FOR UPDATE SKIP LOCKED)
UPDATE lease_sweeps SET sweep_time = greatest(lease_sweeps.sweep_time, now())
FROM before
RETURNING before.sweep_time AS last, now() - before.sweep_time AS gap;

-- name: resume_leases
-- After an outage: every lease that ran when the last sweep was, $1, runs its whole duration from now.
UPDATE agents SET lease_expire_time = now() + lease_duration
WHERE online AND lease_expire_time > $1 AND lease_expire_time < now() + lease_duration;

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

-- name: instruct_agent
-- NULL leaves a flag as it is.
UPDATE agents SET
    draining = coalesce($3::boolean, draining),
    card_stale = coalesce($4::boolean, card_stale),
    revision = nextval('revisions'),
    update_time = now()
WHERE tenant = $1 AND id = $2
RETURNING agents.*, is_live(agents) AS live;

-- name: update_agent
-- NULL leaves an attribute as it is.
UPDATE agents SET
    capabilities = coalesce($3::text[], capabilities),
    labels = coalesce($4::jsonb || enrolment_labels, labels),
    description = coalesce($5::text, description),
    type = coalesce($6::text, type),
    version = coalesce($7::text, version),
    endpoint = coalesce($8::text, endpoint),
    skills = coalesce($9::jsonb, skills),
    config = coalesce($10::jsonb, config),
    revision = nextval('revisions'),
    update_time = now()
WHERE tenant = $1 AND id = $2
RETURNING agents.*, is_live(agents) AS live;

-- name: remove_agent
DELETE FROM agents
WHERE tenant = $1 AND id = $2
RETURNING agents.*, is_live(agents) AS live, nextval('revisions') AS removal_revision;

-- name: log_changes
-- For those who watch agents; in the transaction of the change, as its event. The log gives the places later.
INSERT INTO agent_changes (tenant, payload)
SELECT tenant, payload
FROM unnest($1::text[], $2::bytea[]) WITH ORDINALITY AS c (tenant, payload, number)
ORDER BY number;

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
