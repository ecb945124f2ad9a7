-- Campaigns: their rows, versions, steps, participants.

-- name: campaign_get :one     with the terms of a version; none given: of the one in force
SELECT k.id, k.kind, k.status, k.version_number, k.zone, k.day_start_minutes_count, k.participant_count,
       v.title, v.starts_ms, v.ends_ms, v.rules
  FROM campaign k
  JOIN campaign_version v ON v.campaign_id = k.id
   AND v.version_number = coalesce(:version_number, k.version_number)
 WHERE k.id = :campaign_id;

-- name: campaign_insert :exec
INSERT INTO campaign (id, kind, title, status, version_number, zone, day_start_minutes_count, starts_ms, ends_ms,
                      participant_count, staff_id, created_ms, changed_ms)
VALUES (:id, :kind, :title, 'draft', 1, :zone, :day_start_minutes_count, :starts_ms, :ends_ms,
        0, :me_staff_id, :now_ms, :now_ms);

-- name: campaign_version_insert :exec
INSERT INTO campaign_version (campaign_id, version_number, title, starts_ms, ends_ms, rules, staff_id, reason,
                              created_ms)
VALUES (:campaign_id, :version_number, :title, :starts_ms, :ends_ms, :rules, :me_staff_id, :reason, :now_ms);

-- name: campaign_version_use :changed     from the version it was made after
UPDATE campaign
   SET version_number = :version_number, title = :title, starts_ms = :starts_ms, ends_ms = :ends_ms,
       changed_ms = :now_ms
 WHERE id = :campaign_id AND version_number = :version_number - 1 AND status = :status;

-- name: campaign_override_carry :changed     only favourable changes pass: who passed over a check still does
INSERT INTO campaign_override (campaign_id, version_number, check_name, staff_id, reason, at_ms)
SELECT o.campaign_id, :version_number, o.check_name, o.staff_id, o.reason, o.at_ms
  FROM campaign_override o WHERE o.campaign_id = :campaign_id AND o.version_number = :version_number - 1;

-- name: campaign_status_set :changed
UPDATE campaign SET status = :to_status, changed_ms = :now_ms
 WHERE id = :campaign_id AND status = :from_status AND version_number = :version_number;

-- name: campaign_step_insert :exec
INSERT INTO campaign_step (id, campaign_id, from_status, to_status, staff_id, reason, at_ms)
VALUES (:id, :campaign_id, :from_status, :to_status, :me_staff_id, :reason, :now_ms);

-- name: campaign_budgets :many
SELECT a.id, a.unit, a.balance_count FROM account a
 WHERE a.owner_kind = 'campaign' AND a.owner_id = :campaign_id AND a.bucket = 'budget'
 ORDER BY a.unit LIMIT 10;

-- name: campaign_late :many     what has come back to the budgets of one that is over
SELECT a.id, a.unit, a.balance_count
  FROM campaign k
  JOIN account a ON a.owner_kind = 'campaign' AND a.owner_id = k.id AND a.bucket = 'budget'
 WHERE k.id = :campaign_id AND k.status IN ('settled', 'archived', 'cancelled')
 ORDER BY a.unit LIMIT 10;

-- name: campaign_held :one
SELECT (SELECT count(*) FROM reward_grant g WHERE g.campaign_id = :campaign_id AND g.status = 'held') AS held_count,
       (SELECT count(*) FROM timer t WHERE t.kind = 'campaign_clock' AND t.key_id = :campaign_id) AS clock_count;

-- ---- who is in ----

-- name: campaign_entry :one     may one come in now, and is any record of the person in already
-- scope: none (of a person that was reached, or of an event's)
SELECT k.status, k.version_number, k.starts_ms, k.ends_ms,
       (SELECT p.version_number FROM participant p
         WHERE p.campaign_id = k.id
           AND p.customer_id IN (SELECT r.id FROM customer r WHERE r.id = :person_id
                                 UNION ALL
                                 SELECT m.id FROM customer m WHERE m.merged_into_id = :person_id)
         ORDER BY p.version_number LIMIT 1) AS bound_version_number
  FROM campaign k WHERE k.id = :campaign_id;

-- name: campaign_participant_insert :exec
INSERT INTO participant (campaign_id, customer_id, version_number, entered_ms)
VALUES (:campaign_id, :person_id, :version_number, :now_ms);

-- name: campaign_participant_count :changed     guarded: who comes in comes into a running one
UPDATE campaign SET participant_count = participant_count + 1
 WHERE id = :campaign_id AND status = 'running';

-- name: campaign_participants :many
-- scope: none (what is owed to those in it)
SELECT customer_id FROM participant
 WHERE campaign_id = :campaign_id AND customer_id > :after_id ORDER BY customer_id LIMIT :limit_count;

-- ---- reading ----

-- name: campaign_list :many
SELECT k.id, k.kind, k.title, k.status, k.version_number, k.starts_ms, k.ends_ms, k.participant_count,
       k.created_ms, k.changed_ms, s.name AS staff_name,
       (SELECT count(*) FROM reward_grant g WHERE g.campaign_id = k.id AND g.status = 'held') AS held_count
  FROM campaign k LEFT JOIN staff s ON s.id = k.staff_id
 WHERE k.id < :before_id AND (:status IS NULL OR k.status = :status) AND (:kind IS NULL OR k.kind = :kind)
 ORDER BY k.id DESC LIMIT :limit_count;

-- name: campaign_show :one
SELECT k.id, k.kind, k.title, k.status, k.version_number, k.zone, k.day_start_minutes_count, k.starts_ms,
       k.ends_ms, k.participant_count, k.created_ms, k.changed_ms, s.name AS staff_name,
       (SELECT count(*) FROM reward_grant g WHERE g.campaign_id = k.id AND g.status = 'held') AS held_count
  FROM campaign k LEFT JOIN staff s ON s.id = k.staff_id
 WHERE k.id = :campaign_id;

-- name: campaign_versions :many
SELECT v.version_number, v.title, v.starts_ms, v.ends_ms, v.rules, v.reason, v.created_ms, s.name AS staff_name
  FROM campaign_version v LEFT JOIN staff s ON s.id = v.staff_id
 WHERE v.campaign_id = :campaign_id ORDER BY v.version_number DESC LIMIT 200;

-- name: campaign_steps :many
SELECT p.id, p.from_status, p.to_status, p.reason, p.at_ms, s.name AS staff_name
  FROM campaign_step p LEFT JOIN staff s ON s.id = p.staff_id
 WHERE p.campaign_id = :campaign_id ORDER BY p.at_ms DESC, p.id DESC LIMIT 200;
