-- Checks passed over by a named person.

-- name: preflight_overrides :many
SELECT o.check_name, o.reason, o.staff_id, s.name AS staff_name
  FROM campaign_override o LEFT JOIN staff s ON s.id = o.staff_id
 WHERE o.campaign_id = :campaign_id AND o.version_number = :version_number ORDER BY o.check_name LIMIT 100;

-- name: preflight_override_insert :changed
INSERT INTO campaign_override (campaign_id, version_number, check_name, staff_id, reason, at_ms)
VALUES (:campaign_id, :version_number, :check_name, :me_staff_id, :reason, :now_ms)
ON CONFLICT (campaign_id, version_number, check_name) DO NOTHING;
