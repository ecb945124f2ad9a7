-- What the brand records of a customer besides: the definitions. The values lie in customer.attributes.

-- name: attribute_all :many
SELECT id, name, title, kind, choices, place_number, is_archived
  FROM attribute ORDER BY place_number, id LIMIT 200;

-- name: attribute_add :changed     at most 200; a new one comes last
INSERT INTO attribute (id, name, title, kind, choices, place_number, is_archived, created_ms)
SELECT :id, :name, :title, :kind, :choices,
       (SELECT coalesce(max(a.place_number), 0) + 1 FROM attribute a), 0, :now_ms
 WHERE (SELECT count(*) FROM attribute) < 200
ON CONFLICT (name) DO NOTHING;

-- name: attribute_get :one
SELECT name, kind, choices FROM attribute WHERE id = :attribute_id;

-- name: attribute_edit :changed
UPDATE attribute SET title = :title, choices = :choices, is_archived = :is_archived
 WHERE id = :attribute_id;

-- name: attribute_place :batch
UPDATE attribute SET place_number = :place_number WHERE id = :attribute_id;
