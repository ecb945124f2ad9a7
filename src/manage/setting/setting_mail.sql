-- How the last mail that tried the settings went: a line of JSON in meta, without the address.

-- name: mail_test_get :one
SELECT value FROM meta WHERE name = 'mail_test';

-- name: mail_test_set :exec
INSERT INTO meta (name, value) VALUES ('mail_test', :value)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: mail_secret_set :changed
UPDATE setting SET value = :value WHERE name = 'smtp_password';
