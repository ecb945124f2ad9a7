-- Sessions as their owner and those who look after accounts see them.

-- name: session_list :many
SELECT id, agent, peer, created_ms, seen_ms, expires_ms,
       CASE WHEN token_hash = :token_hash THEN 1 ELSE 0 END AS is_current
  FROM session WHERE staff_id = :staff_id AND expires_ms > :now_ms
 ORDER BY created_ms DESC, token_hash LIMIT 200;

-- name: session_drop :changed
DELETE FROM session WHERE id = :session_id AND staff_id = :staff_id;

-- name: session_drop_others :changed
DELETE FROM session WHERE staff_id = :staff_id AND token_hash <> :token_hash;
