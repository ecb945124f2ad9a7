-- What several nodes on one base agree on.

-- name: shared_recall :many     what other nodes may have changed since our last group
SELECT name, value FROM meta
 WHERE (name >= 'group:' AND name < 'group;') OR name IN ('reply_table', 'reply_turn_ms')
 LIMIT 300;

-- name: node_list :many     whose number is taken
SELECT id, name, until_ms FROM node ORDER BY id LIMIT 256;

-- name: node_put :exec
INSERT INTO node (id, name, started_ms, until_ms) VALUES (:id, :name, :now_ms, :until_ms)
ON CONFLICT (id) DO UPDATE
   SET name = excluded.name, started_ms = excluded.started_ms, until_ms = excluded.until_ms;

-- name: node_keep :changed
UPDATE node SET until_ms = :until_ms WHERE id = :id AND name = :name;
