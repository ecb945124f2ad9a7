-- Two phases: held, then posted, voided or out of time.

-- name: hold_look :one     what a new hold must know, and the one that is there already
SELECT f.owner_kind, f.owner_id, f.unit, f.scope_id, z.id AS frozen_id,
       CASE WHEN f.unit = t.unit AND f.bucket <> 'frozen' THEN 1 ELSE 0 END AS is_sound,
       h.id AS hold_id, h.from_account_id, h.to_account_id, h.amount_count
  FROM account AS f
  JOIN account AS t ON t.id = :to_id
  LEFT JOIN account AS z ON z.owner_kind = f.owner_kind AND z.owner_id = f.owner_id AND z.unit = f.unit
        AND z.bucket = 'frozen' AND z.scope_id = f.scope_id
  LEFT JOIN hold AS h ON h.kind = :kind AND h.key_id = :key_id AND h.leg_number = :leg_number
 WHERE f.id = :from_id;

-- name: hold_add :exec
INSERT INTO hold (id, kind, key_id, leg_number, from_account_id, frozen_account_id, to_account_id,
                  amount_count, posted_count, status, until_ms, created_ms, changed_ms)
VALUES (:id, :kind, :key_id, :leg_number, :from_id, :frozen_id, :to_id, :amount_count, 0, 'held',
        :until_ms, :now_ms, :now_ms);

-- name: hold_get :one
SELECT h.id, h.from_account_id, h.frozen_account_id, h.to_account_id, h.amount_count, h.posted_count,
       h.status, h.until_ms, f.unit, f.scope_id,
       (SELECT x.id FROM transfer AS x
         WHERE x.kind = 'hold' AND x.key_id = h.id AND x.leg_number = 0) AS transfer_id
  FROM hold AS h
  JOIN account AS f ON f.id = h.from_account_id
 WHERE h.id = :hold_id;

-- name: hold_late :many
SELECT h.id, h.from_account_id, h.frozen_account_id, h.amount_count, f.unit, f.scope_id,
       (SELECT x.id FROM transfer AS x
         WHERE x.kind = 'hold' AND x.key_id = h.id AND x.leg_number = 0) AS transfer_id
  FROM hold AS h JOIN account AS f ON f.id = h.from_account_id
 WHERE h.status = 'held' AND h.until_ms <= :now_ms
 ORDER BY h.until_ms, h.id
 LIMIT :row_max_count;

-- name: hold_end :batch
UPDATE hold SET status = :status, posted_count = :posted_count, changed_ms = :now_ms
 WHERE id = :hold_id AND status = 'held';
