-- Rewards: one thing promised to one person.

-- name: reward_find :one     for what it was promised
-- scope: none (of a person that was reached, or of an event's)
SELECT id, customer_id, kind, amount_count, status FROM reward_grant
 WHERE campaign_id = :campaign_id AND key_kind = :key_kind AND key_id = :key_id;

-- name: reward_insert :exec
INSERT INTO reward_grant (id, campaign_id, customer_id, kind, key_kind, key_id, amount_count, revoked_count, status,
                          risk_reason, expires_ms, created_ms, changed_ms)
VALUES (:id, :campaign_id, :person_id, :kind, :key_kind, :key_id, :amount_count, 0, :status,
        :risk_reason, :expires_ms, :now_ms, :now_ms);

-- name: reward_get :one
-- scope: none (a person's, reached before it is shown; a play's own)
SELECT id, campaign_id, customer_id, kind, key_kind, key_id, amount_count, revoked_count, status, expires_ms
  FROM reward_grant WHERE id = :reward_id;

-- name: reward_decided :changed     once
UPDATE reward_grant
   SET status = :status, decided_staff_id = :me_staff_id, decided_reason = :reason, changed_ms = :now_ms
 WHERE id = :reward_id AND status = 'held';

-- name: reward_revoked :changed     of all parts at most the whole
UPDATE reward_grant
   SET revoked_count = revoked_count + :amount_count, changed_ms = :now_ms,
       status = CASE WHEN revoked_count + :amount_count = amount_count THEN 'revoked' ELSE status END
 WHERE id = :reward_id AND revoked_count + :amount_count <= amount_count;

-- name: reward_transfer :one     the posting that brought it
SELECT id FROM transfer WHERE kind = 'reward' AND key_id = :reward_id AND leg_number = 0;

-- name: reward_was_revoked :one     for this already
SELECT count(*) AS transfer_count FROM transfer WHERE kind = :kind AND key_id = :key_id;

-- part: told
g.id, g.campaign_id, k.title AS campaign_title, g.customer_id, c.customer_number, g.kind, g.amount_count,
       g.revoked_count, g.status, g.risk_reason, g.decided_reason, s.name AS decided_staff_name, g.expires_ms,
       g.created_ms, g.changed_ms

-- name: reward_held_list :many
SELECT part(told)
  FROM reward_grant g
  JOIN campaign k ON k.id = g.campaign_id
  JOIN customer m ON m.id = g.customer_id
  JOIN customer c ON c.id = coalesce(m.merged_into_id, m.id)
  LEFT JOIN staff s ON s.id = g.decided_staff_id
 WHERE g.status = 'held' AND g.id < :before_id AND (:campaign_id IS NULL OR g.campaign_id = :campaign_id)
   AND in_scope(c)
 ORDER BY g.id DESC LIMIT :limit_count;

-- name: reward_campaign_list :many
SELECT part(told)
  FROM reward_grant g
  JOIN campaign k ON k.id = g.campaign_id
  JOIN customer m ON m.id = g.customer_id
  JOIN customer c ON c.id = coalesce(m.merged_into_id, m.id)
  LEFT JOIN staff s ON s.id = g.decided_staff_id
 WHERE g.campaign_id = :campaign_id AND g.id < :before_id AND in_scope(c)
 ORDER BY g.id DESC LIMIT :limit_count;
