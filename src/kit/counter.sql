-- Windowed limits: one guarded row each, and what is reserved of it.

-- name: counter_take :changed     nothing where it would be beyond the limit
INSERT INTO counter (name, scope_id, subject_id, window_seq, reserved_count, used_count, forget_ms)
VALUES (:name, :scope_id, :subject_id, :window_seq, :reserved_count, :used_count, :forget_ms)
ON CONFLICT (name, scope_id, subject_id, window_seq) DO UPDATE
   SET reserved_count = counter.reserved_count + excluded.reserved_count,
       used_count = counter.used_count + excluded.used_count
 WHERE counter.reserved_count + counter.used_count
       <= :limit_count - excluded.reserved_count - excluded.used_count;

-- name: counter_get :one
SELECT reserved_count, used_count FROM counter
 WHERE name = :name AND scope_id = :scope_id AND subject_id = :subject_id AND window_seq = :window_seq;

-- name: counter_hold_get :one
SELECT name, scope_id, subject_id, amount_count, status FROM counter_hold
 WHERE kind = :kind AND key_id = :key_id;

-- name: counter_hold_add :exec
INSERT INTO counter_hold (kind, key_id, name, scope_id, subject_id, window_seq, amount_count, status, until_ms)
VALUES (:kind, :key_id, :name, :scope_id, :subject_id, :window_seq, :amount_count, 'held', :until_ms);

-- name: counter_hold_end :one     confirmed only in time
UPDATE counter_hold SET status = :status
 WHERE kind = :kind AND key_id = :key_id AND status = 'held' AND until_ms > :after_ms
RETURNING name, scope_id, subject_id, window_seq, amount_count;

-- name: counter_settle :batch     what was reserved is used, or free again
UPDATE counter
   SET reserved_count = reserved_count - :amount_count, used_count = used_count + :used_count
 WHERE name = :name AND scope_id = :scope_id AND subject_id = :subject_id AND window_seq = :window_seq
   AND reserved_count >= :amount_count;

-- name: counter_holds_late :many
SELECT kind, key_id, name, scope_id, subject_id, window_seq, amount_count FROM counter_hold
 WHERE status = 'held' AND until_ms <= :now_ms
 ORDER BY until_ms
 LIMIT :row_max_count;

-- name: counter_hold_expire :batch
UPDATE counter_hold SET status = 'expired' WHERE kind = :kind AND key_id = :key_id;

-- name: counter_drop :changed
DELETE FROM counter
 WHERE (name, scope_id, subject_id, window_seq)
    IN (SELECT o.name, o.scope_id, o.subject_id, o.window_seq FROM counter AS o
         WHERE o.forget_ms <= :now_ms AND o.reserved_count = 0
         ORDER BY o.forget_ms LIMIT :row_max_count);

-- name: counter_hold_drop :changed
DELETE FROM counter_hold
 WHERE (kind, key_id)
    IN (SELECT o.kind, o.key_id FROM counter_hold AS o
         WHERE o.status <> 'held' AND o.until_ms <= :until_ms
         ORDER BY o.until_ms LIMIT :row_max_count);
