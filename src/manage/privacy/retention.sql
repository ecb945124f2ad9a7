-- What is kept only for so long, by the settings.

-- name: retention_audit :changed     the details; rows and chain stay
DELETE FROM audit_detail
 WHERE audit_id IN (SELECT d.audit_id FROM audit_detail d WHERE d.audit_id < :before_id
                     ORDER BY d.audit_id LIMIT 2000);

-- name: retention_session :changed
-- scan: sessions are few, and this runs once a minute
DELETE FROM session WHERE created_ms < :before_ms;
