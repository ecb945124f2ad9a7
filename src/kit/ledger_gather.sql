-- What the records of one person have together: gathered to be spent, sent home when it comes back.
-- A spending of :need_count pays the debts of the person's other records, and takes all lots oldest end first, its own
-- account's before others that end with them (is_own_first: all its own before any other).

-- part: needed     what other records' accounts must bring for that, and their debts
WITH mine AS (SELECT o.id, o.unit, o.scope_id, coalesce(r.merged_into_id, r.id) AS person_id
                FROM account AS o JOIN customer AS r ON r.id = o.owner_id
               WHERE o.id = :account_id AND o.owner_kind = 'customer'),
     theirs AS (SELECT o.id, o.bucket, o.balance_count, o.posting_count, o.last_transfer_id, o.has_lots,
                       CASE WHEN o.id = w.id THEN 1 ELSE 0 END AS is_own,
                       CASE WHEN o.owner_id = e.owner_id THEN 1 ELSE 0 END AS is_owner
                  FROM mine AS w
                  JOIN account AS e ON e.id = w.id
                  JOIN customer AS r ON (r.id = w.person_id OR r.merged_into_id = w.person_id)
                  JOIN account AS o ON o.owner_kind = 'customer' AND o.owner_id = r.id AND o.unit = w.unit
                       AND o.bucket IN ('available', 'debt') AND o.scope_id = w.scope_id
                 WHERE o.balance_count <> 0),
     pieces AS (SELECT t.id, t.balance_count, t.posting_count, t.last_transfer_id, t.has_lots, t.is_own,
                       l.expires_ms, l.transfer_id AS lot_transfer_id, coalesce(l.left_count, t.balance_count) AS left_count,
                       CAST(sum(coalesce(l.left_count, t.balance_count)) OVER (
                                ORDER BY CASE WHEN t.is_own = 1 AND :is_own_first = 1 THEN 0 ELSE 1 END,
                                         coalesce(l.expires_ms, 1152921504606846976), t.is_own DESC,
                                         coalesce(l.transfer_id, 0), t.id
                                ROWS UNBOUNDED PRECEDING) AS BIGINT) AS reach_count
                  FROM theirs AS t
                  LEFT JOIN lot AS l ON t.has_lots = 1 AND l.account_id = t.id AND l.left_count > 0
                 WHERE t.bucket = 'available'),
     needed AS (SELECT p.id AS account_id, p.balance_count, p.posting_count, p.last_transfer_id, p.has_lots,
                       p.expires_ms, p.lot_transfer_id, p.left_count, p.reach_count, n.amount_count AS all_count, 0 AS is_debt
                  FROM pieces AS p
                  JOIN (SELECT :need_count - coalesce(CAST(sum(t.balance_count) AS BIGINT), 0) AS amount_count
                          FROM theirs AS t WHERE t.bucket = 'debt') AS n
                       ON p.reach_count - p.left_count < n.amount_count
                 WHERE p.is_own = 0
                 UNION ALL
                SELECT t.id, t.balance_count, t.posting_count, t.last_transfer_id, 0, NULL, NULL, -t.balance_count,
                       -t.balance_count, -t.balance_count, 1
                  FROM theirs AS t WHERE t.bucket = 'debt' AND t.is_owner = 0)

-- name: gather_count :lookup     how many pieces that is; the owner's own debt, which what comes pays first
-- scope: none (of a person who spends: whoever lets that happen has reached the person)
part(needed)
SELECT (SELECT count(*) FROM needed) AS piece_count, (SELECT w.person_id FROM mine AS w) AS person_id,
       a.unit, a.scope_id,
       d.id AS debt_id, d.balance_count AS debt_balance_count, d.posting_count AS debt_posting_count,
       d.last_transfer_id AS debt_last_id
  FROM account AS a
  LEFT JOIN account AS d ON d.owner_kind = a.owner_kind AND d.owner_id = a.owner_id AND d.unit = a.unit
       AND d.bucket = 'debt' AND d.scope_id = a.scope_id
 WHERE a.id = :account_id;

-- name: gather_piece :lookup     each of them, debts last
-- scope: none (as above)
part(needed)
SELECT account_id, balance_count, posting_count, last_transfer_id, has_lots, expires_ms, lot_transfer_id, is_debt,
       CASE WHEN reach_count < all_count THEN left_count ELSE all_count - reach_count + left_count END AS amount_count
  FROM needed
 ORDER BY is_debt, reach_count, account_id LIMIT 1 OFFSET :skip_count;

-- name: gather_home :lookup     what lies in a gathered lot, where it came from and out of which lot
SELECT l.left_count, g.from_account_id AS home_account_id, u.expires_ms, u.lot_transfer_id
  FROM lot AS l
  JOIN transfer AS g ON g.id = l.transfer_id AND g.kind = 'gathered'
  LEFT JOIN lot_use AS u ON u.transfer_id = g.id
 WHERE l.account_id = :account_id AND l.expires_ms = :ends_ms AND l.transfer_id = :gathered_id
   AND l.left_count > 0;
