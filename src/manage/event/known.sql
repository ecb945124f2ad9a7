-- What the way in reads once a start.

-- name: known_messages :each
-- scan: once a start
SELECT message_hash, arrived_ms FROM message;

-- name: known_pages :each     ids of messages, before the events that they came with
SELECT id, messages_blob FROM behaviour_page WHERE id > :after_id ORDER BY id;
