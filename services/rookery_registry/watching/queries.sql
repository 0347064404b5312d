-- name: try_to_give_places
-- Held to the end of the transaction. It is let go after the commit has become visible, so that whoever has it next,
-- or reads what that one gives, sees every place given before.
SELECT pg_try_advisory_xact_lock(hashtext(current_schema() || '.agent_changes'));

-- name: wait_to_give_places
SELECT pg_advisory_xact_lock(hashtext(current_schema() || '.agent_changes'));

-- name: give_places
-- To committed changes alone, since no others are seen. Two changes of one agent stand in the order in which they were
-- made: the second transaction has waited for the first before it drew its number.
WITH unplaced AS MATERIALIZED (
    SELECT entry FROM agent_changes WHERE place IS NULL ORDER BY entry LIMIT $1
),
placed AS MATERIALIZED (SELECT entry, nextval('agent_change_places') AS place FROM unplaced)
UPDATE agent_changes SET place = placed.place FROM placed WHERE agent_changes.entry = placed.entry;

-- name: changes_after
-- Every tenant's.
SELECT place, tenant, payload FROM agent_changes WHERE place > $1 ORDER BY place LIMIT $2;

-- name: tenant_changes_after
SELECT place, tenant, payload FROM agent_changes WHERE tenant = $1 AND place > $2 ORDER BY place LIMIT $3;

-- name: kept_places
-- Changes up to `trimmed` are gone; `newest` is the highest place that was ever given, as far as can be told.
SELECT trimmed.place AS trimmed, greatest(trimmed.place, (SELECT max(place) FROM agent_changes)) AS newest
FROM agent_changes_trimmed AS trimmed;

-- name: trim_changes
WITH old AS MATERIALIZED (
    SELECT entry FROM agent_changes
    WHERE place IS NOT NULL AND create_time < now() - $1::interval
    ORDER BY place
    LIMIT $2
),
gone AS (DELETE FROM agent_changes USING old WHERE agent_changes.entry = old.entry RETURNING place),
noted AS (UPDATE agent_changes_trimmed SET place = greatest(place, (SELECT max(gone.place) FROM gone)))
SELECT count(*) FROM gone;

-- name: snapshot_of_agents
-- A part of a snapshot, by name. $2: the name to begin after, $3: capability, $4: the status.
SELECT agents.*, is_live(agents) AS live
FROM agents
WHERE tenant = $1
    AND ($2::text IS NULL OR name > $2)
    AND ($3::text IS NULL OR capabilities @> ARRAY[$3])
    AND ($4::text IS NULL
        OR $4 = CASE WHEN NOT is_live(agents) THEN 'OFFLINE' WHEN draining THEN 'DRAINING' ELSE 'ONLINE' END)
ORDER BY name
LIMIT $5;
