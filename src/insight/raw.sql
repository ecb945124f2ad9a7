-- What came in, before and after cleaning: documents as they are, and what of them counts.

-- name: raw_documents :one
-- scope: none (the route is for those who see all)
-- scan: counts all that came in
SELECT CAST(coalesce(sum(line_count), 0) AS BIGINT) AS line_count,
       CAST(coalesce(sum(CASE WHEN customer_id IS NULL THEN line_count END), 0) AS BIGINT) AS guest_line_count,
       CAST(coalesce(sum(CASE WHEN kind = 'cancellation' THEN line_count END), 0) AS BIGINT)
           AS cancellation_line_count,
       count(*) AS document_count,
       count(DISTINCT CASE WHEN customer_id IN (SELECT id FROM customer WHERE merged_into_id IS NOT NULL)
                           THEN (SELECT m.merged_into_id FROM customer AS m WHERE m.id = shop_order.customer_id)
                           ELSE customer_id END) AS customer_count,
       CAST(coalesce(sum(net_fen), 0) AS BIGINT) AS net_fen,
       CAST(coalesce(sum(CASE WHEN is_counted = 1 AND customer_id IS NOT NULL THEN sale_line_count END), 0) AS BIGINT)
           AS counted_line_count
  FROM shop_order;

-- name: raw_lines :one
-- scan: counts all that came in
SELECT count(CASE WHEN quantity_count <= 0 THEN 1 END) AS line_without_quantity_count,
       count(CASE WHEN unit_price_micro <= 0 THEN 1 END) AS line_without_price_count
  FROM order_line;

-- name: raw_duplicates :one      lines that say the same as another one of their order
-- scope: none (the route is for those who see all)
-- scan: counts all that came in
SELECT CAST(coalesce(sum(g.same_count - 1), 0) AS BIGINT) AS duplicate_line_count
  FROM (SELECT count(*) AS same_count
          FROM shop_order AS o
          JOIN order_line AS l ON l.order_id = o.id
         WHERE o.is_counted = 1 AND o.customer_id IS NOT NULL
           AND l.quantity_count > 0 AND l.unit_price_micro > 0
         GROUP BY l.order_id, l.product_id, l.product_name, l.quantity_count, l.unit_price_micro,
                  l.placed_ms
        HAVING count(*) > 1) AS g;
