-- Timers: set, cancelled, drained page by page, failed, and what pages see of them.

-- name: timer_set :batch     one that is there is moved and alive again
INSERT INTO timer (id, kind, key_id, due_ms, status, attempt_count, input, created_ms, changed_ms)
VALUES (:id, :kind, :key_id, :due_ms, 'waiting', 0, :input, :now_ms, :now_ms)
ON CONFLICT (kind, key_id) DO UPDATE
   SET due_ms = excluded.due_ms, status = 'waiting', attempt_count = 0, input = excluded.input,
       error_code = NULL, error_message = NULL, changed_ms = excluded.changed_ms;

-- name: timer_cancel :changed
DELETE FROM timer WHERE kind = :kind AND key_id = :key_id;

-- name: timer_next :one
SELECT due_ms FROM timer WHERE status = 'waiting' ORDER BY due_ms LIMIT 1;

-- name: timer_due :many
SELECT id, kind, key_id, due_ms, attempt_count, input
  FROM timer
 WHERE status = 'waiting' AND due_ms <= :now_ms
 ORDER BY due_ms, id
 LIMIT :limit_count;

-- name: timer_drop :batch
DELETE FROM timer WHERE id = :id;

-- name: timer_fail :changed     unless it was moved meanwhile
UPDATE timer
   SET status = :status, due_ms = :due_ms, attempt_count = attempt_count + 1,
       error_code = :error_code, error_message = :error_message, changed_ms = :now_ms
 WHERE id = :id AND status = 'waiting' AND due_ms = :was_due_ms;

-- name: timer_waiting_ids :many     next due first
SELECT id, due_ms AS sort_ms FROM timer
 WHERE status = 'waiting' AND due_ms >= :after_ms AND (due_ms > :after_ms OR id > :after_id)
   AND (:kind IS NULL OR kind = :kind)
 ORDER BY due_ms, id
 LIMIT :limit_count;

-- name: timer_dead_ids :many     newest first
SELECT id, changed_ms AS sort_ms FROM timer
 WHERE status = 'dead' AND changed_ms <= :before_ms AND (changed_ms < :before_ms OR id < :before_id)
   AND (:kind IS NULL OR kind = :kind)
 ORDER BY changed_ms DESC, id DESC
 LIMIT :limit_count;

-- name: timer_rows :lookup
SELECT id, kind, key_id, due_ms, status, attempt_count, input, error_code, error_message, created_ms,
       changed_ms
  FROM timer
 WHERE id = :id;

-- name: timer_revive :changed
UPDATE timer SET status = 'waiting', due_ms = :now_ms, attempt_count = 0, changed_ms = :now_ms
 WHERE id = :timer_id AND status = 'dead';

-- name: timer_bury :changed
DELETE FROM timer WHERE id = :timer_id AND status = 'dead';

-- name: timer_each :each     all, for tests and checks
SELECT kind, key_id, status, attempt_count, error_code FROM timer ORDER BY due_ms, id;

-- name: timer_effects :one     for tests: rows a handler left, of how many timers, and what is left to do
-- scope: none (counts alone)
-- scan: tests alone ask
SELECT count(*) AS effect_count, count(DISTINCT subject_id) AS subject_count,
       (SELECT count(*) FROM timer) AS timer_count
  FROM journal WHERE kind = 'timer_done';
