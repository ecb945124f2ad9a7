-- Lots: what came in with an end.

-- name: lot_begin :batch
INSERT INTO lot (account_id, expires_ms, transfer_id, amount_count, left_count)
VALUES (:account_id, :expires_ms, :transfer_id, :amount_count, :amount_count);

-- part: stretch     of lots in a row, those between so many and so many
INSERT INTO lot_use (transfer_id, account_id, expires_ms, lot_transfer_id, amount_count, returned_count)
SELECT :transfer_id, r.account_id, r.expires_ms, r.transfer_id,
       CASE WHEN r.reach_count < :until_count THEN r.reach_count ELSE :until_count END
       - CASE WHEN r.reach_count - r.left_count > :from_count THEN r.reach_count - r.left_count
              ELSE :from_count END, 0

-- name: lot_use_add :batch     of the account's lots, oldest end first
part(stretch)
  FROM (SELECT l.account_id, l.expires_ms, l.transfer_id, l.left_count,
               CAST(sum(l.left_count) OVER (ORDER BY l.expires_ms, l.transfer_id
                                            ROWS UNBOUNDED PRECEDING) AS BIGINT) AS reach_count
          FROM lot AS l
         WHERE l.account_id = :account_id AND l.left_count > 0) AS r
 WHERE r.reach_count > :from_count AND r.reach_count - r.left_count < :until_count;

-- name: lot_use_add_first :batch     the same with one of them before all others
part(stretch)
  FROM (SELECT l.account_id, l.expires_ms, l.transfer_id, l.left_count,
               CAST(sum(l.left_count) OVER (
                        ORDER BY CASE WHEN l.transfer_id = :first_lot_id THEN 0 ELSE 1 END,
                                 l.expires_ms, l.transfer_id
                        ROWS UNBOUNDED PRECEDING) AS BIGINT) AS reach_count
          FROM lot AS l
         WHERE l.account_id = :account_id AND l.left_count > 0) AS r
 WHERE r.reach_count > :from_count AND r.reach_count - r.left_count < :until_count;

-- name: lot_use_add_only :batch     of that one alone
INSERT INTO lot_use (transfer_id, account_id, expires_ms, lot_transfer_id, amount_count, returned_count)
VALUES (:transfer_id, :account_id, :expires_ms, :lot_transfer_id, :amount_count, 0);

-- name: lot_take :batch
UPDATE lot SET left_count = left_count - u.amount_count
  FROM lot_use AS u
 WHERE u.transfer_id = :transfer_id AND u.account_id = :account_id
   AND lot.account_id = u.account_id AND lot.expires_ms = u.expires_ms
   AND lot.transfer_id = u.lot_transfer_id;

-- name: lot_uses :each     of one transfer, the latest end first: as if less had been taken
SELECT transfer_id, account_id, expires_ms, lot_transfer_id, amount_count, returned_count FROM lot_use
 WHERE transfer_id = :transfer_id AND returned_count < amount_count
 ORDER BY expires_ms DESC, lot_transfer_id DESC;

-- name: lot_uses_late :each     the same of all holds that are out of time, as hold_late lists them
SELECT u.transfer_id, u.account_id, u.expires_ms, u.lot_transfer_id, u.amount_count, u.returned_count
  FROM lot_use AS u
 WHERE u.transfer_id IN (SELECT (SELECT x.id FROM transfer AS x
                                  WHERE x.kind = 'hold' AND x.key_id = h.id AND x.leg_number = 0)
                           FROM hold AS h WHERE h.status = 'held' AND h.until_ms <= :now_ms
                          ORDER BY h.until_ms, h.id LIMIT :row_max_count)
   AND u.returned_count < u.amount_count
 ORDER BY u.transfer_id, u.expires_ms DESC, u.lot_transfer_id DESC;

-- name: lot_use_return :batch
UPDATE lot_use SET returned_count = returned_count + :amount_count
 WHERE transfer_id = :transfer_id AND account_id = :account_id AND expires_ms = :expires_ms
   AND lot_transfer_id = :lot_transfer_id AND returned_count + :amount_count <= amount_count;

-- name: lot_refill :batch
UPDATE lot SET left_count = left_count + :amount_count
 WHERE account_id = :account_id AND expires_ms = :expires_ms AND transfer_id = :lot_transfer_id
   AND left_count + :amount_count <= amount_count;

-- name: lot_ended :many     in the order in which an account's lots are taken
SELECT l.account_id, l.transfer_id, l.left_count, a.unit, a.scope_id
  FROM lot AS l JOIN account AS a ON a.id = l.account_id
 WHERE l.left_count > 0 AND l.expires_ms <= :now_ms
 ORDER BY l.expires_ms, l.account_id, l.transfer_id
 LIMIT :row_max_count;
