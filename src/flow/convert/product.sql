-- Products as they come with orders.

-- name: product_find :lookup
SELECT id, name FROM product WHERE code = :code;

-- name: product_add :batch
INSERT INTO product (id, code, name, created_ms) VALUES (:product_id, :code, :name, :now_ms);

-- name: product_name :batch     the first name that is not empty stays
UPDATE product SET name = :name WHERE id = :product_id AND name = '';
