-- expect 3: parameter 'default': the word is taken in C
-- name: bad_c_word :one
SELECT id FROM shop WHERE name = :default;
