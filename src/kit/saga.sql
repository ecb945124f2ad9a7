-- Money outside: one row a payment, and what our books and the other side's bills do not agree about.

-- name: saga_add :changed
INSERT INTO saga (id, kind, key_id, customer_id, amount_fen, status, attempt_count, due_ms, created_ms, changed_ms)
VALUES (:id, :kind, :key_id, :customer_id, :amount_fen, 'created', 0, :now_ms, :now_ms, :now_ms)
ON CONFLICT (kind, key_id) DO NOTHING;

-- name: saga_of_key :one
SELECT id, amount_fen FROM saga WHERE kind = :kind AND key_id = :key_id;

-- name: saga_row :lookup
SELECT id, kind, key_id, customer_id, amount_fen, status, outside_no, attempt_count, due_ms, bill_day
  FROM saga WHERE id = :id;

-- name: saga_due :many
SELECT id, kind, key_id, customer_id, amount_fen, status, outside_no, attempt_count, due_ms
  FROM saga WHERE due_ms <= :now_ms ORDER BY due_ms LIMIT 16;

-- name: saga_next :one
SELECT due_ms FROM saga WHERE due_ms > :now_ms ORDER BY due_ms LIMIT 1;

-- name: saga_claim :changed     written before the other side hears anything: from here on it is asked first
UPDATE saga
   SET status = CASE status WHEN 'created' THEN 'sent' ELSE status END,
       attempt_count = attempt_count + 1, due_ms = :until_ms, changed_ms = :now_ms
 WHERE id = :saga_id AND due_ms = :was_due_ms;

-- name: saga_revive :changed     on their way when the process that sent them ended
UPDATE saga SET due_ms = :now_ms WHERE status = 'sent' AND due_ms > :now_ms;

-- name: saga_move :changed     guarded: two reports cannot both end it
UPDATE saga
   SET status = :status, outside_no = coalesce(:outside_no, outside_no), due_ms = :due_ms,
       error_message = :error_message, changed_ms = :now_ms
 WHERE id = :saga_id AND status = :was_status;

-- name: saga_put_off :changed
UPDATE saga SET due_ms = :due_ms, error_message = :error_message, changed_ms = :now_ms
 WHERE id = :saga_id AND due_ms IS NOT NULL;

-- name: saga_billed :batch
UPDATE saga SET bill_day = :bill_day WHERE id = :id;

-- name: saga_unbilled :many     succeeded within that time, and on nobody's bill
SELECT id, amount_fen, outside_no FROM saga
 WHERE status = 'succeeded' AND changed_ms >= :from_ms AND changed_ms < :until_ms
   AND kind = :kind AND bill_day IS NULL
 ORDER BY changed_ms LIMIT 10000;

-- name: difference_add :batch     the same again is one row as long as it is open
INSERT INTO bill_difference (id, saga_kind, bill_day, saga_id, outside_no, kind, ours_fen, theirs_fen, found_ms)
SELECT :id, :saga_kind, :bill_day, :saga_id, :outside_no, :kind, :ours_fen, :theirs_fen, :now_ms
 WHERE NOT EXISTS (SELECT 1 FROM bill_difference d
                    WHERE d.saga_kind = :saga_kind AND d.kind = :kind
                      AND d.saga_id IS NOT DISTINCT FROM :saga_id
                      AND d.outside_no IS NOT DISTINCT FROM :outside_no
                      AND (d.bill_day = :bill_day OR d.closed_ms IS NULL));
