-- expect 2: query 'bad_batch' has no parameter to repeat it with
-- name: bad_batch :batch
DELETE FROM shop;
