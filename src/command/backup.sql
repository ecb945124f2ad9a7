-- What a backup says of itself.

-- name: backup_position :one
-- scope: none (how far the journal reaches, nobody's row)
SELECT CASE WHEN (SELECT coalesce(max(b.id), 0) FROM behaviour_page b) > coalesce(max(id), 0)
            THEN (SELECT max(b.id) FROM behaviour_page b) ELSE coalesce(max(id), 0) END AS journal_id
  FROM journal;
