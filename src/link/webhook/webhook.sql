-- Webhooks, and the journal as they follow it.

-- name: webhook_list :many
SELECT id, title, url, kinds, is_active, created_ms, changed_ms FROM webhook ORDER BY id LIMIT 20;

-- name: webhook_add :changed     guarded: twenty are enough
INSERT INTO webhook (id, title, url, kinds, secret_enc, is_active, created_ms, changed_ms, journal_id)
SELECT :id, :title, :url, :kinds, :secret_enc, 1, :now_ms, :now_ms, :id
 WHERE (SELECT count(*) FROM webhook) < 20;

-- name: webhook_get :one
SELECT url, kinds, secret_enc, is_active, journal_id FROM webhook WHERE id = :webhook_id;

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
