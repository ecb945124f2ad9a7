-- Webhooks, and the journal as they follow it.

-- name: webhook_list :many     with what became of the last message to each
SELECT w.id, w.title, w.url, w.kinds, w.is_active, w.old_until_ms, w.created_ms, w.changed_ms,
       (SELECT count(*) FROM outbox d
         WHERE d.kind = 'webhook' AND d.destination = 'webhook:' || w.id AND d.status = 'dead') AS dead_count,
       o.status AS last_status, o.status_count AS last_status_count, o.error_message AS last_error_message,
       o.attempt_count AS last_attempt_count, o.due_ms AS last_due_ms, o.changed_ms AS last_ms
  FROM webhook w
  LEFT JOIN outbox o ON o.id = (SELECT max(m.id) FROM outbox m
                                 WHERE m.kind = 'webhook' AND m.destination = 'webhook:' || w.id)
 ORDER BY w.id LIMIT 20;

-- name: webhook_add :changed     guarded: twenty are enough
INSERT INTO webhook (id, title, url, kinds, secret_enc, is_active, created_ms, changed_ms, journal_id)
SELECT :id, :title, :url, :kinds, :secret_enc, 1, :now_ms, :now_ms, :id
 WHERE (SELECT count(*) FROM webhook) < 20;

-- name: webhook_get :one
SELECT url, kinds, secret_enc, is_active, journal_id, old_secret_enc, old_until_ms
  FROM webhook WHERE id = :webhook_id;

-- name: webhook_edit :changed
UPDATE webhook SET title = :title, url = :url, kinds = :kinds, changed_ms = :now_ms WHERE id = :webhook_id;

-- name: webhook_rotate :changed     both sign until then
UPDATE webhook
   SET old_secret_enc = secret_enc, old_until_ms = :old_until_ms, secret_enc = :secret_enc, changed_ms = :now_ms
 WHERE id = :webhook_id;

-- part: delivery
o.id, o.key_id, o.status, o.due_ms, o.attempt_count, o.status_count, o.error_message, o.created_ms,
       o.changed_ms, b.body_enc
  FROM outbox o LEFT JOIN outbox_body b ON b.outbox_id = o.id

-- name: webhook_deliveries :many
SELECT part(delivery)
 WHERE o.kind = 'webhook' AND o.destination = :destination AND o.id < :before_id
 ORDER BY o.id DESC LIMIT :limit_count;

-- name: webhook_dead :many     those nobody took, newest first
SELECT part(delivery)
 WHERE o.kind = 'webhook' AND o.status = 'dead' AND o.destination = :destination AND o.id < :before_id
 ORDER BY o.id DESC LIMIT :limit_count;

-- name: webhook_revive :changed     with all their attempts, oldest first
UPDATE outbox
   SET status = 'waiting', due_ms = :now_ms, attempt_count = 0, changed_ms = :now_ms
 WHERE id IN (SELECT d.id FROM outbox d
               WHERE d.kind = 'webhook' AND d.status = 'dead' AND d.destination = :destination
               ORDER BY d.id LIMIT 1000);

-- name: webhook_switch :changed     what happens while it is paused is not told
UPDATE webhook
   SET is_active = :is_active, changed_ms = :now_ms,
       journal_id = CASE WHEN is_active = 0 AND :is_active = 1 THEN :journal_id ELSE journal_id END
 WHERE id = :webhook_id;

-- name: webhook_remove :changed
DELETE FROM webhook WHERE id = :webhook_id;

-- name: webhook_told :changed
UPDATE webhook SET journal_id = :journal_id WHERE id = :webhook_id;

-- name: webhook_events :many
-- scope: none (the brand's own systems are told, by a right over the whole base)
SELECT id, kind, occurred_ms, customer_id, channel_id, subject_id, amount_fen, properties
  FROM journal WHERE id > :after_id ORDER BY id LIMIT :limit_count;
