-- The demo looks up what the imports made, to refund, cancel and tag it through the routes.

-- name: demo_order :lookup
-- scope: none
SELECT id FROM shop_order WHERE source = :source AND order_no = :order_no;

-- name: demo_is_empty :one
-- scope: none
-- scan: one row of each
SELECT (SELECT count(*) FROM (SELECT id FROM staff LIMIT 1) AS s) AS staff_count,
       (SELECT count(*) FROM (SELECT id FROM customer LIMIT 1) AS c) AS customer_count,
       (SELECT value FROM meta WHERE name = 'is_demo') AS mark;

-- name: demo_mark :exec      'filling' while it is made, '1' when it is whole
INSERT INTO meta (name, value) VALUES ('is_demo', :mark)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;
