-- name: add_enrollment_token
-- Nothing happens when the id is there: it came from the same request.
INSERT INTO enrollment_tokens (id, tenant, creator, roles, labels, digest, create_time, expire_time)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (id) DO NOTHING;

-- name: find_enrollment_token
SELECT id, tenant, creator, roles, labels, digest, create_time, expire_time
FROM enrollment_tokens
WHERE id = $1;

-- name: use_enrollment_token
-- Of two exchanges at once the second waits here, and then finds the token used.
UPDATE enrollment_tokens
SET family_id = $3, use_time = now()
WHERE id = $1 AND digest = $2 AND family_id IS NULL AND expire_time > now()
RETURNING true;

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

-- name: find_api_key
SELECT id, tenant, subject, roles, digest, create_time, expire_time
FROM api_keys
WHERE id = $1 AND (expire_time IS NULL OR expire_time > now());

-- name: lock_bootstrap
-- Held to the end of the transaction: replicas that start together take turns.
SELECT pg_advisory_xact_lock(hashtext(current_schema() || '.bootstrap'));

-- name: list_signing_keys
SELECT kid, public_x, encrypted_private, create_time FROM signing_keys ORDER BY create_time;

-- name: add_signing_key
INSERT INTO signing_keys (kid, public_x, encrypted_private, create_time) VALUES ($1, $2, $3, $4);

-- name: find_administrator
SELECT id, tenant, subject, roles, digest, create_time, expire_time
FROM api_keys
WHERE tenant = $1 AND subject = $2
ORDER BY create_time
LIMIT 1;

-- name: add_api_key
INSERT INTO api_keys (id, tenant, subject, roles, digest, create_time, expire_time)
VALUES ($1, $2, $3, $4, $5, $6, $7);
