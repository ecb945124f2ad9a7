-- What people agreed to and took back. A text never changes; a decision is never deleted.

-- name: consent_text_list :many
-- scope: none (counts only)
SELECT t.id, t.purpose, t.version_number, t.title, t.body, t.created_ms,
       (SELECT count(*) FROM consent n WHERE n.consent_text_id = t.id) AS consent_count
  FROM consent_text t ORDER BY t.purpose, t.version_number DESC LIMIT 500;

-- name: consent_text_add :changed     the next version of its purpose
INSERT INTO consent_text (id, purpose, version_number, title, body, created_ms)
SELECT :id, :purpose, coalesce(max(t.version_number), 0) + 1, :title, :body, :now_ms
  FROM consent_text t WHERE t.purpose = :purpose
HAVING coalesce(max(t.version_number), 0) < 100;

-- name: consent_text_version :one
SELECT version_number FROM consent_text WHERE id = :consent_text_id;

-- name: consent_text_get :one
SELECT purpose, title FROM consent_text WHERE id = :consent_text_id;

-- name: consent_add :changed     once for the same text, until it is taken back
-- scope: none (of a customer that was reached)
INSERT INTO consent (id, customer_id, consent_text_id, source, given_ms, staff_id)
SELECT :id, :customer_id, t.id, :source, :given_ms, :me_staff_id FROM consent_text t
 WHERE t.id = :consent_text_id
   AND NOT EXISTS (SELECT 1 FROM consent n
                    WHERE n.consent_text_id = t.id AND n.withdrawn_ms IS NULL
                      AND n.customer_id IN (SELECT r.id FROM customer r
                                             WHERE r.id = :customer_id
                                                OR r.merged_into_id = :customer_id));

-- name: consent_get :one
-- scope: none (the caller asks for its customer)
SELECT n.customer_id, t.purpose FROM consent n JOIN consent_text t ON t.id = n.consent_text_id
 WHERE n.id = :consent_id;

-- name: consent_withdraw :changed     every consent of the person to that purpose
-- scope: none (of a customer that was reached)
UPDATE consent
   SET withdrawn_ms = :now_ms, withdrawn_source = :source, withdrawn_staff_id = :me_staff_id
 WHERE withdrawn_ms IS NULL
   AND customer_id IN (SELECT r.id FROM customer r
                        WHERE r.id = :customer_id OR r.merged_into_id = :customer_id)
   AND consent_text_id IN (SELECT t.id FROM consent_text t WHERE t.purpose = :purpose);

-- name: consent_list :many
-- scope: none (of a customer that was reached)
SELECT n.id, t.purpose, t.version_number, t.title, n.consent_text_id, n.source, n.given_ms,
       s.name AS staff_name, n.withdrawn_ms, n.withdrawn_source, w.name AS withdrawn_staff_name
  FROM consent n JOIN consent_text t ON t.id = n.consent_text_id
  LEFT JOIN staff s ON s.id = n.staff_id
  LEFT JOIN staff w ON w.id = n.withdrawn_staff_id
 WHERE n.customer_id IN (SELECT r.id FROM customer r
                          WHERE r.id = :customer_id OR r.merged_into_id = :customer_id)
 ORDER BY n.given_ms DESC, n.id DESC LIMIT 500;

-- name: consent_purposes :many     the latest decision of the person, purpose by purpose
-- scope: none (of a customer that was reached)
SELECT t.purpose, max(n.given_ms) AS given_ms, max(n.withdrawn_ms) AS withdrawn_ms
  FROM consent n JOIN consent_text t ON t.id = n.consent_text_id
 WHERE n.customer_id IN (SELECT r.id FROM customer r
                          WHERE r.id = :customer_id OR r.merged_into_id = :customer_id)
 GROUP BY t.purpose ORDER BY t.purpose LIMIT 20;

-- name: consent_decision :one     of the person a record stands for
-- scope: none (asked by code that was given the customer)
SELECT coalesce(max(n.given_ms), 0) AS given_ms, coalesce(max(n.withdrawn_ms), 0) AS withdrawn_ms
  FROM consent n JOIN consent_text t ON t.id = n.consent_text_id
 WHERE t.purpose = :purpose
   AND n.customer_id IN (SELECT r.id FROM customer r JOIN customer m ON m.id = :customer_id
                          WHERE r.id = coalesce(m.merged_into_id, m.id)
                             OR r.merged_into_id = coalesce(m.merged_into_id, m.id));
