-- expect 2: query 'bad_part': no part(nothing) in this file
-- name: bad_part :one
SELECT count(*) AS shop_count FROM shop WHERE part(nothing);
