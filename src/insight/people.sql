-- Whom the figures are about.

-- name: people_branch :many     channels of a branch
SELECT id FROM channel WHERE path >= :path AND path < :path_end ORDER BY id LIMIT 5000;
