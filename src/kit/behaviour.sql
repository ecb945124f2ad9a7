-- Behaviours by the page, and where to find one customer's.

-- name: behaviour_page_add :exec
INSERT INTO behaviour_page (id, event_count, messages_blob, events_blob)
VALUES (:id, :event_count, :messages_blob, :events_blob);

-- name: behaviour_page_rest :each     those that no index knows yet, or the next ones
-- scan: until who reads has enough; at most about a group of them
SELECT id, events_blob FROM behaviour_page WHERE id > :after_id ORDER BY id;

-- name: behaviour_page_get :lookup
SELECT events_blob FROM behaviour_page WHERE id = :page_id;

-- name: behaviour_page_old :many
SELECT id, length(events_blob) AS page_bytes FROM behaviour_page
 WHERE id < :until_id ORDER BY id LIMIT :limit_count;

-- name: behaviour_page_drop :changed
DELETE FROM behaviour_page WHERE id <= :last_id;

-- name: behaviour_group_end :one
SELECT coalesce(max(until_id), 0) AS until_id FROM behaviour_group;

-- name: behaviour_group_add :exec
INSERT INTO behaviour_group (until_id, event_count) VALUES (:until_id, :event_count);

-- name: behaviour_group_drop :exec     whose pages are all gone
DELETE FROM behaviour_group
 WHERE until_id < (SELECT coalesce(min(p.id), :until_id) FROM behaviour_page AS p) AND until_id < :until_id;

-- name: behaviour_index_add :batch
INSERT INTO behaviour_index (until_id, first_number, places_blob)
VALUES (:until_id, :first_number, :places_blob);

-- name: behaviour_index_drop :exec     of those groups
DELETE FROM behaviour_index
 WHERE until_id < (SELECT coalesce(min(p.id), :until_id) FROM behaviour_page AS p) AND until_id < :until_id;

-- name: behaviour_records :many     whose events are a person's
-- scope: none (of a customer that was reached)
SELECT customer_number FROM customer
 WHERE id = :customer_id OR (:is_person = 1 AND merged_into_id = :customer_id) LIMIT 10000;

-- name: behaviour_places :many     one part of each group's index a record
-- scope: none (of a customer that was reached)
SELECT r.customer_number, x.places_blob
  FROM customer r JOIN behaviour_group g ON g.until_id > :after_id
  JOIN behaviour_index x ON x.until_id = g.until_id
   AND x.first_number = (SELECT max(y.first_number) FROM behaviour_index y
                          WHERE y.until_id = g.until_id AND y.first_number <= r.customer_number)
 WHERE r.id = :customer_id OR (:is_person = 1 AND r.merged_into_id = :customer_id) LIMIT 1000000;
