-- Names and their numbers in the engine.

-- name: engine_name_page :many
SELECT noun, code_number, name FROM engine_name
 WHERE noun > :noun OR (noun = :noun AND code_number > :code_number)
 ORDER BY noun, code_number LIMIT :limit_count;

-- name: engine_name_add :batch
INSERT INTO engine_name (noun, code_number, name) VALUES (:noun, :code_number, :name);
