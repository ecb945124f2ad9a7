-- The outbox, the inbox and the sagas as pages see them; texts are in none of the lists.

-- name: outbox_open_ids :many     newest first; the index has only these two
SELECT o.id FROM outbox o
 WHERE o.status IN ('waiting', 'dead') AND o.status = :status AND o.id < :before_id
   AND (:kind IS NULL OR o.kind = :kind) AND (:destination IS NULL OR o.destination = :destination)
 ORDER BY o.id DESC LIMIT :limit_count;

-- name: outbox_ids :many
SELECT o.id FROM outbox o
 WHERE o.id < :before_id AND (:status IS NULL OR o.status = :status)
   AND (:kind IS NULL OR o.kind = :kind) AND (:destination IS NULL OR o.destination = :destination)
 ORDER BY o.id DESC LIMIT :limit_count;

-- name: outbox_rows :lookup
SELECT id, kind, key_id, order_id, customer_id, destination, status, due_ms, attempt_count,
       status_count, error_message, created_ms, changed_ms
  FROM outbox WHERE id = :id;

-- name: outbox_text :one
SELECT body_enc FROM outbox_body WHERE outbox_id = :outbox_id;

-- name: outbox_revive :changed     with all its attempts
UPDATE outbox
   SET status = 'waiting', due_ms = :now_ms, attempt_count = 0, changed_ms = :now_ms
 WHERE id = :outbox_id AND status = 'dead';

-- name: outbox_give_up :changed
UPDATE outbox SET status = 'cancelled', changed_ms = :now_ms
 WHERE id = :outbox_id AND status IN ('waiting', 'dead');

-- name: inbox_dead_list :many
SELECT id, source, kind, attempt_count, error_message, arrived_ms FROM inbox
 WHERE status = 'dead' AND (arrived_ms, id) < (:before_ms, :before_id)
 ORDER BY arrived_ms DESC, id DESC LIMIT :limit_count;

-- name: inbox_revive :changed
UPDATE inbox SET status = 'new', due_ms = :now_ms, attempt_count = 0
 WHERE id = :inbox_id AND status = 'dead';

-- name: inbox_status :one
SELECT status FROM inbox WHERE id = :inbox_id;

-- name: saga_status_ids :many
SELECT s.id, s.changed_ms AS sort_ms FROM saga s
 WHERE s.status = :status AND (s.changed_ms, s.id) < (:before_ms, :before_id)
   AND (:kind IS NULL OR s.kind = :kind)
 ORDER BY s.changed_ms DESC, s.id DESC LIMIT :limit_count;

-- name: saga_ids :many
SELECT s.id, s.id AS sort_ms FROM saga s
 WHERE s.id < :before_id AND (:kind IS NULL OR s.kind = :kind)
 ORDER BY s.id DESC LIMIT :limit_count;

-- name: saga_rows :lookup
SELECT id, kind, key_id, customer_id, amount_fen, status, outside_no, attempt_count, due_ms, bill_day,
       error_message, created_ms, changed_ms
  FROM saga WHERE id = :id;

-- name: saga_hurry :changed     the other side is asked now
UPDATE saga SET due_ms = :now_ms WHERE id = :saga_id AND due_ms IS NOT NULL;

-- name: difference_list :many     newest first
SELECT d.id, d.saga_kind, d.bill_day, d.saga_id, d.outside_no, d.kind, d.ours_fen, d.theirs_fen,
       d.found_ms, d.closed_ms, d.closed_words, s.name AS closed_staff_name
  FROM bill_difference d LEFT JOIN staff s ON s.id = d.closed_staff_id
 WHERE d.id < :before_id AND (:is_open = 0 OR d.closed_ms IS NULL)
   AND (:saga_id IS NULL OR d.saga_id = :saga_id)
 ORDER BY d.id DESC LIMIT :limit_count;

-- name: difference_get :one
SELECT saga_id, kind, closed_ms FROM bill_difference WHERE id = :difference_id;

-- name: difference_close :changed
UPDATE bill_difference
   SET closed_ms = :now_ms, closed_staff_id = :me_staff_id, closed_words = :words
 WHERE id = :difference_id AND closed_ms IS NULL;
