-- Which process does what only one may do.

-- name: lease_take :changed     free, over, or ours already
INSERT INTO lease (name, node_id, until_ms) VALUES (:name, :node_id, :until_ms)
ON CONFLICT (name) DO UPDATE
   SET node_id = excluded.node_id, until_ms = excluded.until_ms
 WHERE lease.node_id = excluded.node_id OR lease.until_ms <= :now_ms;

-- name: lease_owner :one
SELECT node_id FROM lease WHERE name = :name;

-- name: lease_drop :exec
DELETE FROM lease WHERE node_id = :node_id;
