-- What must leave: adding, cancelling, and the queues as the sender walks them.

-- name: outbox_add :batch
INSERT INTO outbox (id, kind, key_id, order_id, customer_id, destination, status, due_ms,
                    attempt_count, created_ms, changed_ms)
VALUES (:id, :kind, :key_id, :order_id, :customer_id, :destination, 'waiting', :due_ms, 0, :now_ms, :now_ms)
ON CONFLICT (kind, key_id) DO NOTHING;

-- name: outbox_body_add :batch
INSERT INTO outbox_body (outbox_id, body_enc) VALUES (:id, :body_enc);

-- name: outbox_cancel :changed
UPDATE outbox SET status = 'cancelled', changed_ms = :now_ms
 WHERE kind = :kind AND key_id = :key_id AND status = 'waiting';

-- name: outbox_drop :changed
UPDATE outbox SET status = 'cancelled', changed_ms = :now_ms
 WHERE destination = :destination AND status = 'waiting';

-- name: outbox_queues :many     every destination something waits for, by jumps from one to the next
WITH RECURSIVE queue (destination) AS (
    SELECT (SELECT min(o.destination) FROM outbox o WHERE o.status = 'waiting') AS destination
    UNION ALL
    SELECT (SELECT min(o.destination) FROM outbox o
             WHERE o.status = 'waiting' AND o.destination > q.destination) AS destination
      FROM queue q WHERE q.destination IS NOT NULL)
SELECT q.destination,
       (SELECT min(o.due_ms) FROM outbox o
         WHERE o.status = 'waiting' AND o.destination = q.destination) AS first_ms,
       (SELECT min(o.due_ms) FROM outbox o
         WHERE o.status = 'waiting' AND o.destination = q.destination AND o.due_ms > :now_ms)
       AS next_ms
  FROM queue q WHERE q.destination IS NOT NULL
 LIMIT 1000;

-- name: outbox_page :many     of what is due, whoever has nobody before them that is due or being tried again
SELECT o.id, o.kind, o.key_id, o.order_id, o.customer_id, o.attempt_count, o.due_ms, b.body_enc
  FROM outbox o LEFT JOIN outbox_body b ON b.outbox_id = o.id
 WHERE o.status = 'waiting' AND o.destination = :destination AND o.due_ms <= :now_ms
   AND (o.due_ms, o.id) > (:after_ms, :after_id)
   AND (o.order_id IS NULL
        OR NOT EXISTS (SELECT 1 FROM outbox e
                        WHERE e.status = 'waiting' AND e.destination = o.destination
                          AND e.order_id = o.order_id AND e.id < o.id
                          AND (e.due_ms <= :now_ms OR e.attempt_count > 0)))
 ORDER BY o.due_ms, o.id
 LIMIT :limit_count;

-- name: outbox_end :batch     one that was cancelled on its way and arrived was sent
UPDATE outbox
   SET status = :status, due_ms = :due_ms, attempt_count = :attempt_count,
       status_count = :status_count, error_message = :error_message, changed_ms = :now_ms
 WHERE id = :id AND (status = 'waiting' OR (status = 'cancelled' AND :status = 'sent'));

-- name: outbox_hold_up :batch     who comes behind one that is tried again need not be looked at before
UPDATE outbox SET due_ms = :due_ms
 WHERE status = 'waiting' AND destination = :destination AND order_id = :order_id AND id > :id
   AND due_ms < :due_ms;

-- name: outbox_move :batch
UPDATE outbox SET due_ms = :due_ms, changed_ms = :now_ms WHERE id = :id AND status = 'waiting';

-- name: outbox_setting :many     the brand's rules for messages to people; no row: the default
SELECT name, value FROM setting
 WHERE name IN ('quiet_from_minutes', 'quiet_to_minutes', 'messages_per_week') LIMIT 3;

-- name: outbox_keep_get :one
SELECT value FROM setting WHERE name = 'outbox_keep_days';

-- name: outbox_forget_body :changed
DELETE FROM outbox_body
 WHERE outbox_id IN (SELECT o.id FROM outbox o
                      WHERE o.id < :until_id AND o.status IN ('sent', 'cancelled') ORDER BY o.id LIMIT 5000);

-- name: outbox_forget :changed     the same rows; the dead wait for somebody
DELETE FROM outbox
 WHERE id IN (SELECT o.id FROM outbox o
               WHERE o.id < :until_id AND o.status IN ('sent', 'cancelled') ORDER BY o.id LIMIT 5000);
