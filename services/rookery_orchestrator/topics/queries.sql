-- name: create_topic
INSERT INTO topics (tenant, name, id, description, creator) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant, name) DO NOTHING
RETURNING *, 0 AS member_count;

-- name: find_topic
SELECT t.*, (SELECT count(*) FROM topic_members AS m WHERE m.topic_id = t.id) AS member_count
FROM topics AS t
WHERE t.tenant = $1 AND t.name = $2;

-- name: lock_topic
-- Joining excludes joining, so that the number of members is bounded.
SELECT id FROM topics WHERE tenant = $1 AND name = $2 FOR UPDATE;

-- name: hold_topic
-- Publishing excludes the removal of the topic.
SELECT id FROM topics WHERE tenant = $1 AND name = $2 FOR KEY SHARE;

-- name: delete_topic
DELETE FROM topics WHERE tenant = $1 AND name = $2 RETURNING true;

-- name: list_topics
SELECT t.*, (SELECT count(*) FROM topic_members AS m WHERE m.topic_id = t.id) AS member_count
FROM topics AS t
WHERE t.tenant = $1 AND t.name > $2
    AND ($3::uuid IS NULL OR EXISTS (SELECT FROM topic_members AS m WHERE m.topic_id = t.id AND m.agent_id = $3))
ORDER BY t.name
LIMIT $4;

-- name: find_topic_member
SELECT agent_id, join_time FROM topic_members WHERE topic_id = $1 AND agent_id = $2;

-- name: count_topic_members
SELECT count(*) FROM topic_members WHERE topic_id = $1;

-- name: add_topic_member
INSERT INTO topic_members (tenant, topic_id, agent_id) VALUES ($1, $2, $3) RETURNING agent_id, join_time;

-- name: remove_topic_member
DELETE FROM topic_members AS m USING topics AS t
WHERE t.tenant = $1 AND t.name = $2 AND m.topic_id = t.id AND m.agent_id = $3;

-- name: forget_member
DELETE FROM topic_members WHERE tenant = $1 AND agent_id = $2;

-- name: forget_copies
DELETE FROM fan_out_copies WHERE tenant = $1 AND recipient = $2 RETURNING place;

-- name: list_topic_members
SELECT m.agent_id, m.join_time
FROM topics AS t JOIN topic_members AS m ON m.topic_id = t.id
WHERE t.tenant = $1 AND t.name = $2 AND ($3::uuid IS NULL OR m.agent_id > $3)
ORDER BY m.agent_id
LIMIT $4;

-- name: find_fan_out
SELECT place, cardinality(recipients) AS recipient_count FROM fan_outs WHERE tenant = $1 AND id = $2;

-- name: lock_sender
-- Held to the end of the transaction: the places of one sender's messages rise in the order in which they are seen.
SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.fan_outs/' || $1 || '/' || $2, 0));

-- name: count_open_fan_outs
SELECT count(*) FROM (SELECT FROM fan_outs WHERE tenant = $1 AND end_time IS NULL LIMIT $2) AS open;

-- name: add_publication
INSERT INTO fan_outs (id, tenant, sender, topic_id, mail, recipients)
SELECT $1, $2, $3, $4, $5, coalesce(array_agg(agent_id ORDER BY agent_id), '{}')
FROM topic_members
WHERE topic_id = $4 AND 'agent:' || agent_id <> $3
RETURNING place, cardinality(recipients) AS recipient_count;

-- name: add_broadcast
INSERT INTO fan_outs (id, tenant, sender, mail, recipients) VALUES ($1, $2, $3, $4, $5)
RETURNING place, cardinality(recipients) AS recipient_count;

-- name: lock_fan_out_round
-- Held to the end of the transaction: of several replicas one has a round, so the order of places is kept.
SELECT pg_try_advisory_xact_lock(hashtext(current_schema() || '.fan_outs'));

-- name: list_fresh_fan_outs
SELECT * FROM fan_outs WHERE offer_time IS NULL ORDER BY place LIMIT $1;

-- name: list_blocked_recipients
SELECT DISTINCT f.place, c.recipient
FROM fan_outs AS f
JOIN fan_out_copies AS c ON c.tenant = f.tenant AND c.sender = f.sender AND c.place < f.place
WHERE f.place = ANY ($1::bigint[]) AND c.recipient = ANY (f.recipients);

-- name: list_due_copies
-- Of one sender's copies for one recipient the first alone is due: the order is kept.
SELECT c.recipient, c.attempts, f.*
FROM fan_out_copies AS c JOIN fan_outs AS f USING (place)
WHERE c.retry_time <= now() AND NOT EXISTS (
    SELECT FROM fan_out_copies AS e
    WHERE e.tenant = c.tenant AND e.sender = c.sender AND e.recipient = c.recipient AND e.place < c.place
)
ORDER BY c.place, c.recipient
LIMIT $1;

-- name: add_waiting_copies
INSERT INTO fan_out_copies (tenant, place, sender, recipient, retry_time)
SELECT f.tenant, f.place, f.sender, w.recipient, now() + $3::interval
FROM unnest($1::bigint[], $2::uuid[]) AS w (place, recipient) JOIN fan_outs AS f USING (place);

-- name: mark_offered
UPDATE fan_outs SET offer_time = now() WHERE place = ANY ($1::bigint[]);

-- name: defer_copies
UPDATE fan_out_copies AS c
SET attempts = attempts + 1, retry_time = now() + $3::interval
FROM unnest($1::bigint[], $2::uuid[]) AS w (place, recipient)
WHERE c.place = w.place AND c.recipient = w.recipient;

-- name: remove_copies
DELETE FROM fan_out_copies AS c
USING unnest($1::bigint[], $2::uuid[]) AS w (place, recipient)
WHERE c.place = w.place AND c.recipient = w.recipient;

-- name: end_fan_outs
-- What was carried to everyone is kept without its content, so that its id is known again.
UPDATE fan_outs AS f
SET end_time = now(), mail = ''
WHERE f.place = ANY ($1::bigint[]) AND f.end_time IS NULL
    AND NOT EXISTS (SELECT FROM fan_out_copies AS c WHERE c.place = f.place);

-- name: count_waiting_copies
SELECT f.place, (SELECT count(*) FROM fan_out_copies AS c WHERE c.place = f.place) AS waiting
FROM fan_outs AS f
WHERE f.place = ANY ($1::bigint[]) AND f.offer_time IS NOT NULL;

-- name: forget_ended_fan_outs
DELETE FROM fan_outs WHERE place IN (SELECT place FROM fan_outs WHERE end_time < now() - $1::interval LIMIT 5000);
