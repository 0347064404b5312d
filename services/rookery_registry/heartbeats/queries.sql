-- name: extend_leases
-- The hot path: one statement for the beats of many agents, $1 tenants, $2 ids, $3 epochs. It touches no indexed
-- column. Rows that somebody else holds are passed over and come with the next group, so that a group never waits and
-- two replicas with the same agents never wait for each other in a ring.
WITH due AS MATERIALIZED (
    SELECT beats.place, agents.tenant, agents.id
    FROM unnest($1::text[], $2::uuid[], $3::bigint[]) WITH ORDINALITY AS beats (tenant, id, session_epoch, place)
    JOIN agents USING (tenant, id, session_epoch)
    WHERE is_live(agents)
    FOR NO KEY UPDATE OF agents SKIP LOCKED
)
UPDATE agents SET lease_expire_time = now() + lease_duration
FROM due
WHERE agents.tenant = due.tenant AND agents.id = due.id
RETURNING due.place, lease_duration, draining, card_stale;

-- name: begin_leases
-- The same for agents whose lease has run out: they are back, and whoever heard that they were gone hears of it.
WITH lapsed AS MATERIALIZED (
    SELECT beats.place, agents.tenant, agents.id
    FROM unnest($1::text[], $2::uuid[], $3::bigint[]) WITH ORDINALITY AS beats (tenant, id, session_epoch, place)
    JOIN agents USING (tenant, id, session_epoch)
    WHERE NOT is_live(agents)
    FOR NO KEY UPDATE OF agents SKIP LOCKED
)
UPDATE agents SET
    online = true, lease_expire_time = now() + lease_duration, revision = nextval('revisions'), update_time = now()
FROM lapsed
WHERE agents.tenant = lapsed.tenant AND agents.id = lapsed.id
RETURNING lapsed.place, agents.*, is_live(agents) AS live;

-- name: find_sessions
-- The session in force of each agent that could not be kept, to tell why; NULL where there is no such agent.
SELECT beats.place, agents.session_epoch
FROM unnest($1::text[], $2::uuid[]) WITH ORDINALITY AS beats (tenant, id, place)
LEFT JOIN agents USING (tenant, id);
