-- What a backup says of itself.

-- name: backup_position :one
-- scope: none (how far the journal reaches, nobody's row)
SELECT COALESCE(MAX(id), 0) AS journal_id FROM journal;
