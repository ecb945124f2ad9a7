-- Colleagues as those see them who look after them.

-- name: colleague_list :many
SELECT p.id, p.login, p.name, p.role, r.title AS role_title, p.org_id, o.name AS org_name, p.is_active,
       CASE WHEN p.totp_step_number IS NOT NULL THEN 1 ELSE 0 END AS has_totp,
       CASE WHEN p.password <> '' THEN 1 ELSE 0 END AS has_password,
       p.created_ms, (SELECT max(s.seen_ms) FROM session AS s WHERE s.staff_id = p.id) AS seen_ms
  FROM staff AS p
  LEFT JOIN role AS r ON r.name = p.role
  LEFT JOIN org AS o ON o.id = p.org_id
 WHERE p.id < :before_id
   AND (:has_active = 0 OR p.is_active = :is_active)
   AND (:role IS NULL OR p.role = :role)
   AND (:path IS NULL OR (o.path >= :path AND o.path < :path_end))
   AND (:search IS NULL OR length(replace(p.name, :search, '')) < length(p.name)
        OR length(replace(p.login, :search_lower, '')) < length(p.login))
 ORDER BY p.id DESC LIMIT :limit_count;

-- name: colleague_get :one
-- scope: none (a count, asked for by those alone who reach all)
SELECT p.id, p.login, p.name, p.role, r.title AS role_title, r.permissions, p.org_id, o.name AS org_name,
       p.is_active,
       CASE WHEN p.totp_step_number IS NOT NULL THEN 1 ELSE 0 END AS has_totp,
       CASE WHEN p.password <> '' THEN 1 ELSE 0 END AS has_password,
       p.created_ms, (SELECT max(s.seen_ms) FROM session AS s WHERE s.staff_id = p.id) AS seen_ms,
       (SELECT count(*) FROM customer AS c WHERE c.owner_staff_id = p.id AND c.deleted_ms IS NULL
           AND c.merged_into_id IS NULL) AS customer_count
  FROM staff AS p
  LEFT JOIN role AS r ON r.name = p.role
  LEFT JOIN org AS o ON o.id = p.org_id
 WHERE p.id = :staff_id;

-- name: colleague_rights :one     what this colleague may: only who may all of it may touch the account
SELECT p.role, r.permissions, p.name, p.org_id, p.is_active
  FROM staff AS p LEFT JOIN role AS r ON r.name = p.role WHERE p.id = :staff_id;

-- name: colleague_change :changed     never the last active admin's end
UPDATE staff SET name = :name, role = :role, org_id = :org_id, is_active = :is_active
 WHERE id = :staff_id
   AND (role <> 'admin' OR is_active = 0 OR (:role = 'admin' AND :is_active = 1)
        OR EXISTS (SELECT 1 FROM staff AS s WHERE s.role = 'admin' AND s.is_active = 1 AND s.id <> :staff_id));

-- name: colleague_keys_revoke :changed
UPDATE api_key SET revoked_ms = :now_ms WHERE staff_id = :staff_id AND revoked_ms IS NULL;

-- name: staff_link_clear :exec
DELETE FROM staff_link WHERE staff_id = :staff_id;

-- name: staff_link_add :exec
INSERT INTO staff_link (token_hash, staff_id, expires_ms) VALUES (:token_hash, :staff_id, :expires_ms);

-- name: staff_link_find :one
SELECT l.staff_id, p.login, p.name FROM staff_link AS l JOIN staff AS p ON p.id = l.staff_id
 WHERE l.token_hash = :token_hash AND l.expires_ms > :now_ms AND p.is_active = 1;

-- name: staff_link_take :changed
DELETE FROM staff_link WHERE token_hash = :token_hash AND expires_ms > :now_ms;

-- name: staff_link_forget :changed
DELETE FROM staff_link WHERE expires_ms <= :now_ms;

-- name: totp_clear :changed
UPDATE staff SET totp_enc = NULL, totp_step_number = NULL WHERE id = :staff_id AND totp_enc IS NOT NULL;

-- name: recovery_code_clear :exec
DELETE FROM recovery_code WHERE staff_id = :staff_id;
