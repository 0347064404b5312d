-- name: add_enrollment_token
-- Nothing happens when the id is there: it came from the same request.
INSERT INTO enrollment_tokens (id, tenant, creator, roles, labels, digest, create_time, expire_time)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (id) DO NOTHING;

-- name: find_enrollment_token
SELECT * FROM enrollment_tokens WHERE id = $1;

-- name: list_enrollment_tokens
SELECT * FROM enrollment_tokens
WHERE tenant = $1 AND ($2::timestamptz IS NULL OR (create_time, id) < ($2::timestamptz, $3::uuid))
ORDER BY create_time DESC, id DESC
LIMIT $4;

-- name: revoke_enrollment_token
UPDATE enrollment_tokens SET revoke_time = coalesce(revoke_time, now()) WHERE tenant = $1 AND id = $2 RETURNING *;

-- name: use_enrollment_token
-- Of two exchanges at once the second waits here, and then finds the token used.
UPDATE enrollment_tokens
SET family_id = $3, use_time = now()
WHERE id = $1 AND digest = $2 AND family_id IS NULL AND revoke_time IS NULL AND expire_time > now()
RETURNING roles;

-- name: find_family_of_enrollment
SELECT f.*
FROM enrollment_tokens AS e
JOIN refresh_families AS f ON f.id = e.family_id
WHERE e.id = $1 AND e.digest = $2;

-- name: add_refresh_family
INSERT INTO refresh_families (id, tenant, subject, roles, labels, generation, nonce, expire_time)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: lock_refresh_family
SELECT * FROM refresh_families WHERE id = $1 AND expire_time > now() FOR UPDATE;

-- name: move_refresh_family
UPDATE refresh_families
SET generation = generation + 1, nonce = $2, use_time = now()
WHERE id = $1
RETURNING *;

-- name: revoke_refresh_family
UPDATE refresh_families SET revoke_time = now() WHERE id = $1 AND revoke_time IS NULL;

-- name: find_refresh_family
SELECT * FROM refresh_families WHERE id = $1;

-- name: revoke_refresh_families_of_subject
UPDATE refresh_families SET revoke_time = now() WHERE tenant = $1 AND subject = $2 AND revoke_time IS NULL RETURNING id;

-- name: find_api_keys
-- The one statement that exchanges read with: the keys, and how the subject of each stands.
SELECT k.*, k.previous_expire_time > now() AS previous_good, b.bound_roles, statement_timestamp() AS read_time,
    (SELECT state FROM tenants WHERE id = k.tenant) AS state,
    (SELECT coalesce(jsonb_object_agg(name, permissions), '{}') FROM roles
     WHERE tenant = k.tenant AND name = ANY(k.roles || b.bound_roles)) AS custom,
    (SELECT max(revoke_time) FROM revocations
     WHERE tenant = k.tenant AND (kind = 'subject' AND target = k.subject
        OR kind = 'role' AND target = ANY(k.roles || b.bound_roles))) AS revoked_until
FROM api_keys AS k,
    LATERAL (SELECT ARRAY(SELECT role::text FROM role_bindings
        WHERE tenant = k.tenant AND subject = k.subject ORDER BY role) AS bound_roles) AS b
WHERE k.id = ANY($1::uuid[]);

-- name: get_api_key
SELECT * FROM api_keys WHERE tenant = $1 AND id = $2;

-- name: lock_api_key
SELECT *, now() AS now FROM api_keys WHERE tenant = $1 AND id = $2 FOR UPDATE;

-- name: list_api_keys
SELECT * FROM api_keys
WHERE tenant = $1
    AND ($2 = '' OR subject = $2)
    AND ($3::timestamptz IS NULL OR (create_time, id) < ($3::timestamptz, $4::uuid))
ORDER BY create_time DESC, id DESC
LIMIT $5;

-- name: lock_api_key_quota
-- Held to the end of the transaction: of two at once that want the last place the second waits and is refused.
SELECT pg_advisory_xact_lock(hashtext(current_schema() || '.api_keys'), hashtext($1));

-- name: count_api_keys
SELECT count(*) FROM api_keys
WHERE tenant = $1 AND revoke_time IS NULL AND (expire_time IS NULL OR expire_time > now());

-- name: rotate_api_key
UPDATE api_keys SET
    generation = generation + 1,
    nonce = $3,
    digest = $4,
    rotate_time = now(),
    previous_digest = digest,
    previous_expire_time = now() + $5::interval
WHERE tenant = $1 AND id = $2
RETURNING *;

-- name: revoke_api_key
UPDATE api_keys SET revoke_time = now() WHERE tenant = $1 AND id = $2 AND revoke_time IS NULL RETURNING *;

-- name: touch_api_keys
UPDATE api_keys AS k SET last_use_time = u.use_time
FROM unnest($1::uuid[], $2::timestamptz[]) AS u (id, use_time)
WHERE k.id = u.id AND (k.last_use_time IS NULL OR k.last_use_time < u.use_time);

-- name: lock_bootstrap
-- Held to the end of the transaction: replicas that start together take turns.
SELECT pg_advisory_xact_lock(hashtext(current_schema() || '.bootstrap'));

-- name: list_signing_keys_in_use
SELECT kid, public_x, encrypted_private, create_time, activate_time, retire_time, expire_time
FROM signing_keys
WHERE expire_time IS NULL OR expire_time > now()
ORDER BY activate_time, kid;

-- name: list_signing_keys
SELECT kid, public_x, encrypted_private, create_time, activate_time, retire_time, expire_time
FROM signing_keys
WHERE $1::timestamptz IS NULL OR (create_time, kid) < ($1::timestamptz, $2)
ORDER BY create_time DESC, kid DESC
LIMIT $3;

-- name: find_pending_signing_key
SELECT kid FROM signing_keys WHERE activate_time > now() AND expire_time IS NULL LIMIT 1;

-- name: retire_signing_keys
UPDATE signing_keys SET retire_time = now() + $1::interval, expire_time = now() + $1::interval + $2::interval
WHERE retire_time IS NULL;

-- name: end_signing_keys
-- A key that never signed ends, too: whoever has read the keys has read that one.
UPDATE signing_keys SET retire_time = least(retire_time, now()), expire_time = now()
WHERE expire_time IS NULL OR expire_time > now();

-- name: add_signing_key
INSERT INTO signing_keys (kid, public_x, encrypted_private, create_time, activate_time)
VALUES ($1, $2, $3, now(), now() + $4::interval)
RETURNING kid, public_x, encrypted_private, create_time, activate_time, retire_time, expire_time;

-- name: reseal_signing_key
UPDATE signing_keys SET encrypted_private = $2 WHERE kid = $1 AND encrypted_private IS NOT NULL;

-- name: wipe_signing_keys
UPDATE signing_keys SET encrypted_private = NULL WHERE expire_time <= now() AND encrypted_private IS NOT NULL;

-- name: find_administrator
-- The key that the first start or a recovery made: one in force, if there is one, and the newest of these.
SELECT * FROM api_keys
WHERE tenant = $1 AND subject = $2 AND creator = $3 AND roles = '{admin}' AND scopes = '{}'
ORDER BY (revoke_time IS NULL AND (expire_time IS NULL OR expire_time > now())) DESC, create_time DESC
LIMIT 1;

-- name: add_api_key
INSERT INTO api_keys (
    id, tenant, subject, roles, digest, create_time, expire_time, display_name, creator, scopes, requests_per_second, nonce
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (id) DO NOTHING;

-- name: revoke
INSERT INTO revocations AS r (id, tenant, kind, target, revoke_time, expire_time)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (id) DO UPDATE SET
    revoke_time = greatest(excluded.revoke_time, r.revoke_time),
    expire_time = greatest(excluded.expire_time, r.expire_time)
RETURNING kind, tenant, target, revoke_time, expire_time;

-- name: lock_narrowing
-- Held to the end of the transaction: in a tenant a later narrowing reaches beyond what tokens earned after an earlier
-- one bear. Answers the time from which it is held.
WITH locked AS MATERIALIZED (
    SELECT pg_advisory_xact_lock(hashtext(current_schema() || '.narrowing'), hashtext($1))
)
SELECT clock_timestamp() FROM locked;

-- name: find_revocations
-- With the time of the reading, in a row of its own where nothing is found.
SELECT r.kind, r.tenant, r.target, r.revoke_time, r.expire_time, statement_timestamp() AS read_time
FROM (VALUES (1)) AS one
LEFT JOIN revocations AS r
    ON r.tenant = $1 AND r.kind IN ('token', 'session', 'subject', 'role') AND r.target = ANY($2::text[])
    AND r.expire_time > now();

-- name: lock_revocations
-- Held to the end of the transaction, so that what is announced in it is the last word until then.
SELECT kind, tenant, target, revoke_time, expire_time FROM revocations WHERE expire_time > now() FOR UPDATE;

-- name: find_waiting_announcements
SELECT min(id) AS first, max(id) AS last FROM outbox WHERE split_part(subject, '.', 3) = 'identity';

-- name: list_expired_revocations
SELECT kind, tenant, target, revoke_time, expire_time FROM revocations WHERE expire_time <= now() LIMIT $1;

-- name: forget_revocations
DELETE FROM revocations WHERE id = ANY($1::uuid[]) AND expire_time <= now();

-- name: add_first_tenant
INSERT INTO tenants (id, display_name) VALUES ($1, $1) ON CONFLICT (id) DO NOTHING;
