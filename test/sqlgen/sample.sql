-- One query of every kind, with every type; "quotes" in a comment and 'it''s' in a text do no harm.
/* Nor does a comment
   of two lines with :a_parameter in it. */

-- name: shop_add :exec
INSERT INTO shop (id, name) VALUES (:shop_id, :name);

-- name: coupon_add :exec
-- scope: none
INSERT INTO coupon (id, shop_id, code, title, left_count, price_fen, is_open, code_hash, created_ms, staff_id)
VALUES (:coupon_id, :shop_id, :code, :title, :left_count, :price_fen, :is_open, :code_hash, :now_ms, :me_staff_id);

-- name: coupon_get :one     a row, or E_NOT_FOUND
SELECT id, shop_id, code, title, left_count, price_fen, is_open, code_hash, created_ms, staff_id
  FROM coupon WHERE id = :coupon_id;

-- name: coupon_take :changed
UPDATE coupon SET left_count = left_count - 1 WHERE id = :coupon_id AND left_count > 0;

-- name: coupon_list :many
SELECT c.id AS coupon_id, c.code, s.name AS shop_name, 'it''s; -- ok' AS remark
  FROM coupon c LEFT JOIN shop s ON s.id = c.shop_id
 WHERE (:shop_id IS NULL OR c.shop_id = :shop_id) AND c.id > :after_id
 ORDER BY c.id LIMIT :limit_count;

-- name: coupon_sum :one
SELECT count(*) AS coupon_count, CAST(coalesce(sum(left_count), 0) AS BIGINT) AS left_count,
       CAST(sum(price_fen) AS BIGINT) AS price_fen,
       CASE WHEN max(left_count) > 5 THEN 1 ELSE 0 END AS has_many
  FROM coupon WHERE is_open = :is_open;

-- name: coupon_each :each
SELECT id, code, is_open FROM coupon WHERE left_count >= :left_count ORDER BY id;

-- name: coupon_fill :batch
INSERT INTO coupon (id, code, left_count, is_open, created_ms) VALUES (:coupon_id, :code, :left_count, 1, :now_ms)
ON CONFLICT (code) DO UPDATE SET left_count = coupon.left_count + excluded.left_count
 WHERE coupon.is_open = 1;

-- name: coupon_find :lookup
SELECT id, title FROM coupon WHERE code = :code;

-- name: coupon_like :one
-- scan: a pattern has no index
SELECT count(*) AS coupon_count FROM coupon WHERE code LIKE :code_part ESCAPE '~';

-- name: shop_make :one
INSERT INTO shop (id, name) VALUES (:shop_id, :name)
ON CONFLICT (name) DO UPDATE SET name = excluded.name
RETURNING id, CASE WHEN id = :shop_id THEN 1 ELSE 0 END AS is_new;

-- name: coupon_make :lookup
INSERT INTO coupon (id, shop_id, code, left_count, is_open, created_ms)
VALUES (:coupon_id, :shop_id, :code, 0, 0, :now_ms) ON CONFLICT (code) DO NOTHING RETURNING id, code;

-- name: coupon_sorted :many
SELECT id, title, left_count, CASE WHEN left_count > 5 THEN left_count ELSE 5 END AS spare_count FROM coupon
 WHERE id IN (SELECT id FROM coupon ORDER BY title DESC, code LIMIT 100)
 ORDER BY title, price_fen DESC, left_count + 1, staff_id NULLS LAST, id DESC LIMIT :limit_count;

-- part: coupon_open
is_open = :is_open
   AND (:shop_id IS NULL OR shop_id = :shop_id)

-- name: coupon_open_count :one
-- scan: any filters together
SELECT count(*) AS coupon_count FROM coupon WHERE part(coupon_open);
