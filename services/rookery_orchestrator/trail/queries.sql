-- name: ensure_message_days
SELECT ensure_message_partition(day) FROM unnest($1::date[]) AS d (day) ORDER BY day;

-- name: drop_message_days
SELECT drop_message_partitions($1::date);

-- name: append_messages
-- Whole rows: the driver takes much less time over an array of rows than over an array for each column.
INSERT INTO messages SELECT * FROM unnest($1::messages[]) ON CONFLICT DO NOTHING;

-- name: append_missing_messages
-- Within the window in which the bus knows ids; twice as much, since clocks may differ.
INSERT INTO messages
SELECT * FROM unnest($1::messages[]) AS again
WHERE NOT EXISTS (
    SELECT FROM messages AS m
    WHERE m.tenant = again.tenant AND m.sender = again.sender AND m.id = again.id
    AND m.create_time > again.create_time - interval '20 minutes'
)
ON CONFLICT DO NOTHING;

-- name: find_questions
-- A request's correlation id is its own id; that of its answer is not.
SELECT m.tenant, m.reply_address, m.recipient_agent_id, m.id, m.sender
FROM messages AS m
JOIN unnest($1::text[], $2::uuid[], $3::uuid[]) AS a (tenant, reply_address, replier_id)
    ON m.tenant = a.tenant AND m.reply_address = a.reply_address AND m.recipient_agent_id = a.replier_id
WHERE m.reply_address IS NOT NULL AND m.correlation_id = m.id::text;

-- name: end_messages
-- Answers the places of those that are not known. What became of a message last is what counts.
WITH ended AS MATERIALIZED (
    SELECT *
    FROM unnest(
        $1::text[], $2::timestamptz[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[], $7::integer[]
    ) WITH ORDINALITY AS e (tenant, create_time, id, sender, state, end_time, delivery, place)
),
known AS (
    UPDATE messages AS m
    SET state = CASE WHEN e.end_time >= coalesce(m.end_time, '-infinity') THEN e.state ELSE m.state END,
        end_time = greatest(m.end_time, e.end_time),
        delivery = CASE WHEN e.end_time >= coalesce(m.end_time, '-infinity') THEN e.delivery ELSE m.delivery END
    FROM ended AS e
    WHERE m.tenant = e.tenant AND m.create_time = e.create_time AND m.id = e.id AND m.sender = e.sender
    RETURNING m.tenant, m.create_time, m.id, m.sender
)
SELECT e.place FROM ended AS e LEFT JOIN known AS k USING (tenant, create_time, id, sender)
WHERE k.id IS NULL
ORDER BY e.place;

-- name: list_messages
SELECT *
FROM message_records
WHERE tenant = $1 /*filter*/
ORDER BY create_time DESC, id DESC
LIMIT $2;

-- name: list_messages_of_agent
-- Two reads of an index each, rather than one of everything.
SELECT *
FROM (
    (
        SELECT *
        FROM message_records
        WHERE tenant = $1 AND recipient_agent_id = $recipient::uuid /*filter*/
        ORDER BY create_time DESC, id DESC
        LIMIT $2
    )
    UNION
    (
        SELECT *
        FROM message_records
        WHERE tenant = $1 AND sender = $sender /*filter*/
        ORDER BY create_time DESC, id DESC
        LIMIT $2
    )
) AS either
ORDER BY create_time DESC, id DESC
LIMIT $2;
