-- name: keep_dead_letter
INSERT INTO dead_letters (
    id, tenant, agent_id, sender, message_id, type, correlation_id, reason, detail, deliveries, agent_version, handler,
    letter, create_time
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (id) DO NOTHING;

-- name: list_dead_letters
SELECT * FROM dead_letters
WHERE tenant = $1
    AND ($2::uuid IS NULL OR agent_id = $2)
    AND ($3::text IS NULL OR state = $3)
    AND ($4::timestamptz IS NULL OR (create_time, id) < ($4, $5::uuid))
    /*filter*/
ORDER BY create_time DESC, id DESC
LIMIT $6;

-- name: find_dead_letter
SELECT * FROM dead_letters WHERE tenant = $1 AND id = $2 AND ($3::uuid IS NULL OR agent_id = $3);

-- name: count_dead_letters
SELECT count(*) FROM dead_letters WHERE tenant = $1 AND agent_id = $2 AND state = 'DEAD';

-- name: settle_dead_letter
UPDATE dead_letters SET state = $3, update_time = now(), updated_by = $4
WHERE tenant = $1 AND id = $2 AND state = 'DEAD'
RETURNING true;

-- name: settle_dead_letters
UPDATE dead_letters SET state = $3, update_time = now(), updated_by = $4
WHERE tenant = $1 AND ($2::uuid IS NULL OR agent_id = $2) AND state = 'DEAD'
    /*filter*/;

-- name: take_requeuing
-- Held to the end of the transaction: of several replicas one requeues a dead letter.
SELECT * FROM dead_letters WHERE state = 'REQUEUING' ORDER BY update_time LIMIT $1 FOR UPDATE SKIP LOCKED;

-- name: mark_requeued
-- What had no room in its mailbox goes to the end of the line.
UPDATE dead_letters AS d
SET state = CASE WHEN r.done THEN 'REQUEUED' ELSE state END, update_time = clock_timestamp()
FROM unnest($1::uuid[], $2::boolean[]) AS r (id, done)
WHERE d.id = r.id;

-- name: forget_dead_letters
DELETE FROM dead_letters WHERE id IN (
    SELECT id FROM dead_letters WHERE create_time < now() - $1::interval LIMIT $2
);
