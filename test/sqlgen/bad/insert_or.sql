-- expect 3: INSERT OR ... is SQLite only
-- name: bad_insert_or :exec
INSERT OR IGNORE INTO shop (id, name) VALUES (:shop_id, :name);
