-- What the risk gate looks at.

-- name: risk_person :one     what was promised lately to the person, with all records that stand for them
-- scope: none (of a person that was reached, or of an event's)
SELECT (SELECT count(*) FROM reward_grant g
         WHERE g.id >= :hour_id
           AND g.customer_id IN (SELECT r.id FROM customer r WHERE r.id = :person_id
                                 UNION ALL
                                 SELECT m.id FROM customer m WHERE m.merged_into_id = :person_id)) AS hour_count,
       (SELECT count(*) FROM reward_grant g
         WHERE g.id >= :day_id
           AND g.customer_id IN (SELECT r.id FROM customer r WHERE r.id = :person_id
                                 UNION ALL
                                 SELECT m.id FROM customer m WHERE m.merged_into_id = :person_id)) AS day_count,
       CASE WHEN p.blocked_ms IS NULL THEN 0 ELSE 1 END AS blocked_count
  FROM customer p WHERE p.id = :person_id;

-- name: risk_seen :lookup     with how many others a sign is shared; with the inviter
SELECT (SELECT count(DISTINCT s.customer_id) FROM risk_sign s
         WHERE s.sign_kind = :sign_kind AND s.sign_hash = :sign_hash AND s.seen_ms >= :since_ms
           AND s.customer_id <> :person_id) AS other_count,
       (SELECT count(*) FROM risk_sign i
         WHERE i.sign_kind = :sign_kind AND i.sign_hash = :sign_hash AND i.customer_id = :inviter_id)
       AS inviter_count;

-- name: risk_keep :batch
INSERT INTO risk_sign (sign_kind, sign_hash, campaign_id, customer_id, seen_ms)
VALUES (:sign_kind, :sign_hash, :campaign_id, :person_id, :now_ms)
ON CONFLICT (sign_kind, sign_hash, campaign_id, customer_id) DO UPDATE SET seen_ms = excluded.seen_ms;

-- name: risk_forget :changed
DELETE FROM risk_sign
 WHERE seen_ms <= (SELECT max(o.seen_ms) FROM (SELECT s.seen_ms FROM risk_sign s WHERE s.seen_ms < :before_ms
                                                ORDER BY s.seen_ms LIMIT 10000) o);
