-- Channels and their costs. `path` holds the ids from the root down: a branch is the range [path, path_end).

-- name: channel_by_code :lookup
SELECT id FROM channel WHERE code = :code;

-- name: channel_get :one
SELECT parent_id, code, name, kind, path, is_archived FROM channel WHERE id = :channel_id;

-- name: channel_all :many
SELECT id, parent_id, code, name, kind, path, is_archived FROM channel ORDER BY path LIMIT 5000;

-- name: channel_room :one
SELECT count(*) AS channel_count FROM channel;

-- name: channel_insert :changed
INSERT INTO channel (id, parent_id, code, name, kind, path, is_archived, created_ms)
VALUES (:id, :parent_id, :code, :name, :kind, :path, 0, :now_ms)
ON CONFLICT (code) DO NOTHING;

-- name: channel_change :changed     the parent as it was read: two moves at once cannot make a circle
UPDATE channel SET name = :name, is_archived = :is_archived, parent_id = :parent_id
 WHERE id = :channel_id AND path = :path;

-- name: channel_branch_move :changed
UPDATE channel SET path = :new_path || substr(path, length(:path) + 1)
 WHERE path >= :path AND path < :path_end;

-- name: channel_depth_top :one
SELECT max(length(path) - length(replace(path, '/', ''))) AS slash_count FROM channel
 WHERE path >= :path AND path < :path_end;

-- name: channel_customer_sums :many
SELECT c.channel_id, count(*) AS customer_count,
       count(CASE WHEN c.order_count > 0 THEN 1 END) AS buyer_count,
       CAST(sum(c.order_count) AS BIGINT) AS order_count,
       CAST(sum(c.paid_fen) AS BIGINT) AS paid_fen
  FROM customer c WHERE c.channel_id IS NOT NULL AND c.deleted_ms IS NULL AND in_scope(c)
 GROUP BY channel_id LIMIT 5000;

-- name: channel_cost_sums :many
SELECT channel_id, CAST(sum(cost_fen) AS BIGINT) AS cost_fen FROM channel_cost
 GROUP BY channel_id LIMIT 5000;

-- name: channel_cost_insert :batch     the same source and number again changes nothing
INSERT INTO channel_cost (id, channel_id, source, cost_no, spent_day, cost_fen, note, created_ms)
VALUES (:id, :channel_id, :source, :cost_no, :spent_day, :cost_fen, :note, :now_ms)
ON CONFLICT (source, cost_no) DO NOTHING;

-- name: channel_cost_list :many
SELECT id, spent_day, cost_fen, note, source FROM channel_cost
 WHERE channel_id = :channel_id AND (spent_day < :before_day OR (spent_day = :before_day AND id < :before_id))
 ORDER BY spent_day DESC, id DESC LIMIT :limit_count;
