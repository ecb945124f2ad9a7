-- expect 3: the text literal does not end
-- name: bad_text :one
SELECT id FROM shop WHERE name = 'it;
