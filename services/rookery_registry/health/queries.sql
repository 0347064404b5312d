-- name: keep_reports
-- $3 is how many seconds ago each report came, so that its time is the database's. Of agents that are gone meanwhile
-- nothing is kept.
INSERT INTO agent_health (
    tenant, agent_id, sample_time, requests_handled, memory_bytes, mean_response_ms, error_rate, cpu_fraction,
    in_flight, capacity
)
SELECT report.tenant, agent_id, now() - make_interval(secs => age), requests_handled, memory_bytes, mean_response_ms,
    error_rate, cpu_fraction, in_flight, capacity
FROM unnest(
    $1::text[], $2::uuid[], $3::float8[], $4::bigint[], $5::bigint[], $6::float8[], $7::float8[], $8::float8[],
    $9::int[], $10::int[]
) AS report (
    tenant, agent_id, age, requests_handled, memory_bytes, mean_response_ms, error_rate, cpu_fraction, in_flight,
    capacity
)
JOIN agents ON agents.tenant = report.tenant AND agents.id = report.agent_id
ORDER BY age DESC;

-- name: keep_loads
-- In the order of the key, so that two replicas with the same agents do not wait for each other in a ring. A load that
-- is older than the one there comes from a replica that was cut off.
INSERT INTO agent_load AS there (tenant, agent_id, in_flight, capacity, error_rate, mean_response_ms, update_time)
SELECT load.tenant, agent_id, in_flight, capacity, error_rate, mean_response_ms, now() - make_interval(secs => age)
FROM unnest($1::text[], $2::uuid[], $3::float8[], $4::int[], $5::int[], $6::float8[], $7::float8[])
    AS load (tenant, agent_id, age, in_flight, capacity, error_rate, mean_response_ms)
JOIN agents ON agents.tenant = load.tenant AND agents.id = load.agent_id
ORDER BY load.tenant, agent_id
ON CONFLICT (tenant, agent_id) DO UPDATE SET
    in_flight = EXCLUDED.in_flight,
    capacity = EXCLUDED.capacity,
    error_rate = EXCLUDED.error_rate,
    mean_response_ms = EXCLUDED.mean_response_ms,
    update_time = EXCLUDED.update_time
WHERE there.update_time < EXCLUDED.update_time;

-- name: is_known
-- Whether there is such an agent, or a report of one that is gone.
SELECT EXISTS (SELECT FROM agents WHERE tenant = $1 AND id = $2)
    OR EXISTS (SELECT FROM agent_health WHERE tenant = $1 AND agent_id = $2);

-- name: health_points
-- $3 and $4 bound the time, NULL does not; $5 is the length of a stretch, NULL makes every moment a point.
SELECT
    CASE WHEN $5::interval IS NULL THEN sample_time ELSE date_bin($5, sample_time, '1970-01-01 00:00:00+00') END AS time,
    count(*) AS sample_count,
    avg(requests_handled)::float8 AS mean_requests_handled,
    avg(memory_bytes)::float8 AS mean_memory_bytes,
    avg(mean_response_ms) AS mean_mean_response_ms,
    avg(error_rate) AS mean_error_rate,
    avg(cpu_fraction) AS mean_cpu_fraction,
    avg(in_flight)::float8 AS mean_in_flight,
    avg(capacity)::float8 AS mean_capacity,
    min(requests_handled) AS min_requests_handled,
    min(memory_bytes) AS min_memory_bytes,
    min(mean_response_ms) AS min_mean_response_ms,
    min(error_rate) AS min_error_rate,
    min(cpu_fraction) AS min_cpu_fraction,
    min(in_flight) AS min_in_flight,
    min(capacity) AS min_capacity,
    max(requests_handled) AS max_requests_handled,
    max(memory_bytes) AS max_memory_bytes,
    max(mean_response_ms) AS max_mean_response_ms,
    max(error_rate) AS max_error_rate,
    max(cpu_fraction) AS max_cpu_fraction,
    max(in_flight) AS max_in_flight,
    max(capacity) AS max_capacity
FROM agent_health
WHERE tenant = $1
    AND agent_id = $2
    AND sample_time >= coalesce($3::timestamptz, '-infinity')
    AND sample_time < coalesce($4::timestamptz, 'infinity')
GROUP BY 1
ORDER BY 1
LIMIT $6;

-- name: trim_reports
DELETE FROM agent_health WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM agent_health WHERE sample_time < now() - $1::interval LIMIT $2
));

-- name: trim_loads
-- Those of agents that are gone.
DELETE FROM agent_load WHERE ctid = ANY (ARRAY(
    SELECT agent_load.ctid
    FROM agent_load LEFT JOIN agents ON agents.tenant = agent_load.tenant AND agents.id = agent_load.agent_id
    WHERE agents.id IS NULL
    LIMIT $1
));
