-- expect 2: part 'shop_open': no comments within
-- part: shop_open
id > 0 -- all of them

-- name: bad_part :one
SELECT count(*) AS shop_count FROM shop WHERE part(shop_open);
