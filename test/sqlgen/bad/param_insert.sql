-- expect 5: column name is TEXT, but :shop_number is INTEGER by its name
-- name: bad_param_insert :exec
INSERT INTO shop (id, name)
VALUES (coalesce(:shop_id, 1),
        :shop_number);
