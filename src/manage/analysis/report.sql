-- Saved analyses: questions under a name.

-- name: report_list :many
SELECT r.id, r.name, r.ask, r.query, p.name AS staff_name, r.created_ms, r.changed_ms
  FROM report r LEFT JOIN staff p ON p.id = r.staff_id
 WHERE (:ask IS NULL OR r.ask = :ask) ORDER BY r.changed_ms DESC, r.id DESC LIMIT 200;

-- name: report_add :changed     at most 200
INSERT INTO report (id, name, ask, query, staff_id, created_ms, changed_ms)
SELECT :id, :name, :ask, :query, :me_staff_id, :now_ms, :now_ms WHERE (SELECT count(*) FROM report) < 200;

-- name: report_edit :changed
UPDATE report SET name = :name, ask = :ask, query = :query, changed_ms = :now_ms WHERE id = :report_id;

-- name: report_remove :changed
DELETE FROM report WHERE id = :report_id;
