-- Lots: what came in with an end.

-- name: lot_begin :batch
INSERT INTO lot (account_id, expires_ms, transfer_id, amount_count, left_count)
VALUES (:account_id, :expires_ms, :transfer_id, :amount_count, :amount_count);

-- name: lot_use_add :batch     of the account's lots in their order, the stretch from so many to so many
INSERT INTO lot_use (transfer_id, account_id, expires_ms, lot_transfer_id, amount_count, returned_count)
SELECT :transfer_id, r.account_id, r.expires_ms, r.transfer_id,
       CASE WHEN r.reach_count < :until_count THEN r.reach_count ELSE :until_count END
       - CASE WHEN r.reach_count - r.left_count > :from_count THEN r.reach_count - r.left_count
              ELSE :from_count END, 0
  FROM (SELECT l.account_id, l.expires_ms, l.transfer_id, l.left_count,
               CAST(sum(l.left_count) OVER (
                        ORDER BY CASE WHEN l.transfer_id = :first_lot_id THEN 0 ELSE 1 END,
                                 l.expires_ms, l.transfer_id
                        ROWS UNBOUNDED PRECEDING) AS BIGINT) AS reach_count
          FROM lot AS l
         WHERE l.account_id = :account_id AND l.left_count > 0) AS r
 WHERE r.reach_count > :from_count AND r.reach_count - r.left_count < :until_count;

-- name: lot_take :batch
UPDATE lot SET left_count = left_count - u.amount_count
  FROM lot_use AS u
 WHERE u.transfer_id = :transfer_id AND u.account_id = :account_id
   AND lot.account_id = u.account_id AND lot.expires_ms = u.expires_ms
   AND lot.transfer_id = u.lot_transfer_id;
