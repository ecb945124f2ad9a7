-- Whom the figures are about: persons in the asker's reach and in the chosen branch, and the records that are one of them.

-- name: people_count :one
-- scope: none (how much room to make)
-- scan: counted along the smallest index
SELECT count(*) AS record_count FROM customer;

-- name: people_all :each
-- scan: most customers match; an index holds all columns, and the plus keeps the narrower ones out
SELECT c.id, c.channel_id, c.touched_ms, c.child_birth_day
  FROM customer c
 WHERE c.merged_into_id IS NULL AND (c.deleted_ms IS NULL OR :is_gone_too = 1) AND in_scope(c)
   AND (:path IS NULL OR +c.channel_id IN (SELECT h.id FROM channel h
                                            WHERE h.path >= :path AND h.path < :path_end));

-- name: people_merged :each     along the small index of merged records
-- scope: none (only those whose person was reached are used)
SELECT m.id, m.merged_into_id
  FROM customer m
 WHERE m.merged_into_id IS NOT NULL;
