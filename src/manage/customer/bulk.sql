-- Work on many: the subjects of a job, fixed when it was asked for.

-- name: bulk_count :one
SELECT count(*) AS subject_count FROM job_item WHERE job_id = :job_id;

-- name: bulk_subjects :many
SELECT i.subject_id, i.was,
       CASE WHEN c.deleted_ms IS NULL AND c.merged_into_id IS NULL AND in_scope(c) THEN 1 ELSE 0 END
       AS is_reached
  FROM job_item i JOIN customer c ON c.id = i.subject_id
 WHERE i.job_id = :job_id AND i.subject_id > :after_id
 ORDER BY i.subject_id LIMIT :limit_count;

-- name: bulk_changed :many
SELECT i.subject_id, i.was,
       CASE WHEN c.deleted_ms IS NULL AND c.merged_into_id IS NULL AND in_scope(c) THEN 1 ELSE 0 END
       AS is_reached
  FROM job_item i JOIN customer c ON c.id = i.subject_id
 WHERE i.job_id = :job_id AND i.subject_id > :after_id AND i.is_changed = 1
 ORDER BY i.subject_id LIMIT :limit_count;

-- name: bulk_mark :batch
UPDATE job_item SET is_changed = 1, was = :was WHERE job_id = :job_id AND subject_id = :subject_id;

-- name: bulk_unmark :batch
UPDATE job_item SET is_changed = 0 WHERE job_id = :job_id AND subject_id = :subject_id;

-- name: bulk_tag_now :lookup     this tag, and another one of its group
-- scope: none (of subjects that were reached)
SELECT c.id,
       (SELECT t.created_ms FROM customer_tag t WHERE t.customer_id = c.id AND t.tag_id = :tag_id)
       AS created_ms,
       (SELECT min(t.tag_id) FROM customer_tag t JOIN tag g ON g.id = t.tag_id
         WHERE t.customer_id = c.id AND g.group_id = :group_id AND t.tag_id <> :tag_id)
       AS other_tag_id
  FROM customer c WHERE c.id = :customer_id;

-- name: export_tags :many     of a page of subjects, in their order; nobody has more than two hundred
-- scope: none (put beside subjects that were reached)
SELECT t.customer_id, g.id, g.name, g.color
  FROM job_item i JOIN customer_tag t ON t.customer_id = i.subject_id JOIN tag g ON g.id = t.tag_id
 WHERE i.job_id = :job_id AND i.subject_id > :after_id AND i.subject_id <= :until_id
 ORDER BY i.subject_id, t.tag_id LIMIT 400000;
