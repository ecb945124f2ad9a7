-- Events from outside: message ids seen in the last seven days.

-- name: message_add :batch     0 changed: seen before
INSERT INTO message (message_hash, arrived_ms) VALUES (:message_hash, :now_ms)
ON CONFLICT (message_hash) DO NOTHING;

-- name: message_forget :changed
DELETE FROM message
 WHERE message_hash IN (SELECT message_hash FROM message WHERE arrived_ms < :before_ms
                         ORDER BY arrived_ms LIMIT :limit_count);
