-- The audit trail, newest first: ids by what narrows most (a subject, a colleague, or the whole by time), then the
-- rows. A part of the action is sought without LIKE, so that no sign in it means anything.

-- name: audit_ids :many
SELECT a.id FROM audit AS a
 WHERE a.id < :before_id AND a.id > :after_id
   AND (:from_ms IS NULL OR a.at_ms >= :from_ms) AND (:to_ms IS NULL OR a.at_ms < :to_ms)
   AND (:noun IS NULL OR a.noun = :noun)
   AND (:action IS NULL OR length(replace(a.action, :action, '')) < length(a.action))
 ORDER BY a.id DESC LIMIT :limit_count;

-- name: audit_ids_of_staff :many
SELECT a.id FROM audit AS a
 WHERE a.staff_id = :staff_id AND a.id < :before_id AND a.id > :after_id
   AND (:from_ms IS NULL OR a.at_ms >= :from_ms) AND (:to_ms IS NULL OR a.at_ms < :to_ms)
   AND (:noun IS NULL OR a.noun = :noun)
   AND (:action IS NULL OR length(replace(a.action, :action, '')) < length(a.action))
 ORDER BY a.id DESC LIMIT :limit_count;

-- name: audit_ids_of_subject :many
SELECT a.id FROM audit AS a
 WHERE a.subject_id = :subject_id AND a.noun = :noun AND a.id < :before_id AND a.id > :after_id
   AND (:from_ms IS NULL OR a.at_ms >= :from_ms) AND (:to_ms IS NULL OR a.at_ms < :to_ms)
   AND (:staff_id IS NULL OR a.staff_id = :staff_id)
   AND (:action IS NULL OR length(replace(a.action, :action, '')) < length(a.action))
 ORDER BY a.id DESC LIMIT :limit_count;

-- name: audit_rows :lookup
SELECT a.id, a.at_ms, a.staff_id, p.name AS staff_name, a.api_key_id, k.name AS api_key_name, a.action, a.noun,
       a.subject_id, a.peer, d.detail
  FROM audit AS a
  LEFT JOIN staff AS p ON p.id = a.staff_id
  LEFT JOIN api_key AS k ON k.id = a.api_key_id
  LEFT JOIN audit_detail AS d ON d.audit_id = a.id
 WHERE a.id = :id;
