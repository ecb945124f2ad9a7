-- Segments: who is meant, under a name. Members are rows, so that lists, exports and work on many ask for them as for tags.

-- part: records     of a person: a list keeps those it was taken of
(SELECT r.id FROM customer r WHERE r.id = :person_id OR r.merged_into_id = :person_id)

-- name: segment_all :many
SELECT s.id, s.name, s.about, s.kind, s.state, s.version_number, s.member_count, s.tag_id, t.name AS tag_name, t.color AS tag_color,
       s.changed_ms, s.filled_ms, s.archived_ms
  FROM segment s LEFT JOIN tag t ON t.id = s.tag_id
 WHERE (:is_archived = 1 OR s.archived_ms IS NULL)
 ORDER BY s.changed_ms DESC, s.id DESC LIMIT 500;

-- name: segment_sizes_of_all :many     the last month of all, for the small curves of the list
SELECT z.segment_id, z.size_day, z.member_count FROM segment_size z JOIN segment s ON s.id = z.segment_id
 WHERE z.size_day >= :from_day AND s.archived_ms IS NULL ORDER BY z.segment_id, z.size_day LIMIT 20000;

-- name: segment_get :one
SELECT s.id, s.name, s.about, s.kind, s.state, s.definition, s.version_number, s.member_count, s.tag_id, t.name AS tag_name,
       s.of_segment_id, s.staff_id, p.name AS staff_name, s.created_ms, s.changed_ms, s.filled_ms, s.archived_ms
  FROM segment s LEFT JOIN tag t ON t.id = s.tag_id LEFT JOIN staff p ON p.id = s.staff_id
 WHERE s.id = :segment_id;

-- name: segment_versions :many
SELECT v.version_number, v.definition, v.staff_id, p.name AS staff_name, v.created_ms
  FROM segment_version v LEFT JOIN staff p ON p.id = v.staff_id
 WHERE v.segment_id = :segment_id ORDER BY v.version_number DESC LIMIT 200;

-- name: segment_add :changed     at most 500 that are not archived; a name once
INSERT INTO segment (id, name, about, kind, state, definition, version_number, member_count, tag_id, of_segment_id, staff_id,
                     created_ms, changed_ms)
SELECT :id, :name, :about, :kind, :state, :definition, 1, 0, :tag_id, :of_segment_id, :me_staff_id, :now_ms, :now_ms
 WHERE (SELECT count(*) FROM segment WHERE archived_ms IS NULL) < 500
ON CONFLICT (name) DO NOTHING;

-- name: segment_tag :one     who else puts it on its members
SELECT (SELECT count(*) FROM segment s WHERE s.tag_id = t.id AND s.id <> :segment_id AND s.archived_ms IS NULL) AS segment_count
  FROM tag t WHERE t.id = :tag_id;

-- name: segment_name_taken :one
SELECT count(*) AS taken_count FROM segment WHERE name = :name AND id <> :segment_id;

-- name: segment_edit :changed
UPDATE segment SET name = :name, about = :about, tag_id = :tag_id, changed_ms = :now_ms,
                   definition = :definition, version_number = :next_version_number, state = :state
 WHERE id = :segment_id AND version_number = :version_number AND archived_ms IS NULL;

-- name: segment_version_add :exec
INSERT INTO segment_version (segment_id, version_number, definition, staff_id, created_ms)
VALUES (:segment_id, :version_number, :definition, :me_staff_id, :now_ms);

-- name: segment_archive :changed
UPDATE segment SET archived_ms = :now_ms, changed_ms = :now_ms WHERE id = :segment_id AND archived_ms IS NULL;

-- name: segment_restore :changed
UPDATE segment SET archived_ms = NULL, changed_ms = :now_ms, state = CASE WHEN kind = 'live' THEN 'filling' ELSE state END
 WHERE id = :segment_id AND archived_ms IS NOT NULL
   AND (SELECT count(*) FROM segment s WHERE s.archived_ms IS NULL) < 500;

-- name: segment_users :many     who stands on it: their definitions are looked through
SELECT id, name, definition, tag_id FROM segment WHERE archived_ms IS NULL AND definition IS NOT NULL LIMIT 500;

-- name: segment_sizes :many
SELECT size_day, member_count, entered_count, left_count FROM segment_size
 WHERE segment_id = :segment_id AND size_day >= :from_day ORDER BY size_day LIMIT 800;

-- name: segment_live :many     what is kept current, and lists that are complete
SELECT id, definition, version_number, state FROM segment
 WHERE archived_ms IS NULL AND (kind = 'live' OR filled_ms IS NOT NULL) ORDER BY id LIMIT 500;

-- ---- members --------------------------------------------------------------------------------------

-- name: segment_enter :batch
INSERT INTO segment_member (segment_id, customer_id, since_ms) VALUES (:segment_id, :customer_id, :now_ms)
ON CONFLICT (segment_id, customer_id) DO NOTHING;

-- name: segment_leave :batch
DELETE FROM segment_member WHERE segment_id = :segment_id AND customer_id = :customer_id;

-- name: segment_count :batch
UPDATE segment SET member_count = member_count + :entered_count - :left_count WHERE id = :segment_id;

-- name: segment_size_add :batch
INSERT INTO segment_size (segment_id, size_day, member_count, entered_count, left_count)
SELECT s.id, :size_day, s.member_count, :entered_count, :left_count FROM segment s WHERE s.id = :segment_id
ON CONFLICT (segment_id, size_day) DO UPDATE SET member_count = excluded.member_count,
       entered_count = segment_size.entered_count + excluded.entered_count,
       left_count = segment_size.left_count + excluded.left_count;

-- name: segment_say :changed     up to this version
UPDATE segment SET state = :state, filled_ms = CASE WHEN :state = 'live' THEN :now_ms ELSE filled_ms END
 WHERE id = :segment_id AND version_number = :version_number AND state <> :state;

-- name: segment_members :each     of the live ones, for whoever keeps them
-- scope: none (the evaluation's own, whole)
SELECT m.segment_id, c.customer_number FROM segment_member m JOIN customer c ON c.id = m.customer_id
 WHERE m.segment_id = :segment_id;

-- name: segment_person :lookup
-- scope: none (the evaluation's own, whole)
SELECT c.id, c.deleted_ms FROM customer c WHERE c.customer_number = :customer_number;

-- name: segment_tags :many     at most 500 are not archived; flips of one that was archived just now may be on their way
SELECT id, tag_id FROM segment WHERE tag_id IS NOT NULL
 ORDER BY CASE WHEN archived_ms IS NULL THEN 0 ELSE 1 END, archived_ms DESC LIMIT 1000;

-- name: segment_forget_count :exec     before they go
-- scope: none (of a customer that was reached)
UPDATE segment SET member_count = member_count -
       (SELECT count(*) FROM segment_member m
         WHERE m.segment_id = segment.id
           AND m.customer_id IN part(records))
 WHERE EXISTS (SELECT 1 FROM segment_member m
                WHERE m.segment_id = segment.id
                  AND m.customer_id IN part(records));

-- name: segment_forget :changed     by segment, as the rows lie
-- scope: none (of a customer that was reached)
DELETE FROM segment_member
 WHERE segment_id IN (SELECT s.id FROM segment s)
   AND customer_id IN part(records);

-- name: segment_page :many     a page of a snapshot
SELECT m.customer_id FROM segment_member m WHERE m.segment_id = :of_segment_id AND m.customer_id > :after_id
 ORDER BY m.customer_id LIMIT 2000;

-- name: segment_since :one
-- scope: none (of a customer that was reached)
SELECT since_ms FROM segment_member WHERE segment_id = :segment_id AND customer_id IN part(records) ORDER BY since_ms LIMIT 1;

-- name: segment_of_person :many     what is a member's, newest first
-- scope: none (of a customer that was reached)
SELECT id, name, kind, tag_id, tag_name, since_ms
  FROM (SELECT s.id, s.name, s.kind, s.tag_id, t.name AS tag_name,
               (SELECT min(m.since_ms) FROM segment_member m
                 WHERE m.segment_id = s.id AND m.customer_id IN part(records)) AS since_ms
          FROM segment s LEFT JOIN tag t ON t.id = s.tag_id WHERE s.archived_ms IS NULL) one
 WHERE since_ms IS NOT NULL ORDER BY since_ms DESC, id DESC LIMIT 500;
