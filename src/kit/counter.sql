-- Windowed limits: one guarded row each, and what is reserved of it.

-- part: others     what the person's other records have of it, whichever of them is named
(SELECT coalesce(CAST(sum(o.reserved_count + o.used_count) AS BIGINT), 0)
   FROM customer AS s
   JOIN customer AS m ON (m.id = s.merged_into_id OR m.merged_into_id = coalesce(s.merged_into_id, s.id))
   JOIN counter AS o ON o.subject_id = m.id AND o.name = :name AND o.scope_id = :scope_id
        AND o.window_seq = :window_seq
  WHERE s.id = :subject_id AND m.id <> s.id)

-- name: counter_take :changed     nothing where it would be beyond the limit
-- scope: none (counts of one person)
INSERT INTO counter (name, scope_id, subject_id, window_seq, reserved_count, used_count, forget_ms)
SELECT :name, :scope_id, :subject_id, :window_seq, :reserved_count, :used_count, :forget_ms
 WHERE part(others) <= :limit_count - :reserved_count - :used_count
ON CONFLICT (name, scope_id, subject_id, window_seq) DO UPDATE
   SET reserved_count = counter.reserved_count + excluded.reserved_count,
       used_count = counter.used_count + excluded.used_count
 WHERE counter.reserved_count + counter.used_count
       <= :limit_count - excluded.reserved_count - excluded.used_count - part(others);

-- name: counter_get :one     of all records of the person together
-- scope: none (counts of one person)
SELECT CAST(coalesce(sum(o.reserved_count), 0) AS BIGINT) AS reserved_count,
       CAST(coalesce(sum(o.used_count), 0) AS BIGINT) AS used_count
  FROM counter AS o
 WHERE o.name = :name AND o.scope_id = :scope_id AND o.window_seq = :window_seq
   AND o.subject_id IN (SELECT :subject_id
                        UNION
                        SELECT m.id FROM customer AS s
                          JOIN customer AS m ON (m.id = s.merged_into_id
                                                 OR m.merged_into_id = coalesce(s.merged_into_id, s.id))
                         WHERE s.id = :subject_id);

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
