-- What came from outside, worked on behind.

-- name: inbox_put :changed     a duplicate is a conflict of the key
INSERT INTO inbox (id, source, message_hash, kind, body_enc, status, attempt_count, due_ms, arrived_ms)
VALUES (:id, :source, :message_hash, :kind, :body_enc, 'new', 0, :now_ms, :now_ms)
ON CONFLICT (source, message_hash) DO NOTHING;

-- name: inbox_due :many     the oldest first
SELECT id, kind, body_enc, attempt_count FROM inbox
 WHERE status = 'new' AND due_ms <= :now_ms
 ORDER BY due_ms LIMIT :limit_count;

-- name: inbox_next :one
SELECT due_ms FROM inbox WHERE status = 'new' ORDER BY due_ms LIMIT 1;

-- name: inbox_done :batch     guarded: what another has worked on meanwhile changes nothing
UPDATE inbox SET status = 'done', body_enc = NULL, error_message = NULL WHERE id = :id AND status = 'new';

-- name: inbox_failed :changed
UPDATE inbox
   SET status = :status, attempt_count = :attempt_count, due_ms = :due_ms, error_message = :error_message
 WHERE id = :inbox_id AND status = 'new';

-- name: inbox_forget :changed     worked on, or dead: a week is what senders repeat themselves within
DELETE FROM inbox
 WHERE id IN (SELECT i.id FROM inbox i WHERE i.id < :until_id AND i.status <> 'new' ORDER BY i.id LIMIT 5000);
