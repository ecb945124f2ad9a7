-- expect 2: query 'bad_no_kind' has no kind
-- name: bad_no_kind
SELECT id FROM shop;
