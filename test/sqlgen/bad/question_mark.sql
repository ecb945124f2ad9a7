-- expect 3: parameter ?...: write :name
-- name: bad_question_mark :one
SELECT id FROM shop WHERE id = ?1;
