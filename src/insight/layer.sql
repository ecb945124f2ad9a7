-- What the layers read besides persons and purchases.

-- name: layer_channels :many
SELECT id, parent_id, name, path FROM channel ORDER BY id LIMIT 5000;

-- name: layer_invited :each     who came through whom, and whether it is known who they are
-- scope: none (counted for inviters who were reached)
-- scan: along the index of inviters, past those who came by themselves
SELECT c.customer_number, coalesce(p.customer_number, r.customer_number) AS inviter_number, c.touched_ms,
       CASE WHEN EXISTS (SELECT 1 FROM identity i
                          WHERE i.customer_id = c.id AND i.kind <> 'anonymous')
            THEN 1 ELSE 0 END AS is_identified
  FROM customer c
  JOIN customer r ON r.id = c.invited_by_customer_id
  LEFT JOIN customer p ON p.id = r.merged_into_id
 WHERE c.invited_by_customer_id > 0 AND c.merged_into_id IS NULL AND c.deleted_ms IS NULL
   AND c.touched_ms < :to_ms;

-- name: layer_customer_row :lookup
-- scope: none (of persons that were reached)
SELECT c.id, c.name_enc, h.name AS channel_name, c.touched_ms
  FROM customer c LEFT JOIN channel h ON h.id = c.channel_id
 WHERE c.customer_number = :customer_number;
