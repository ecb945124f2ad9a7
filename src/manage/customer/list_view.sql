-- Saved views of lists: filters, order and columns under a name, one's own or for all.

-- name: list_view_list :many
SELECT v.id, v.name, v.ask, v.is_shared, v.staff_id, s.name AS staff_name
  FROM list_view v JOIN staff s ON s.id = v.staff_id
 WHERE v.page = :page AND (v.staff_id = :me_staff_id OR v.is_shared = 1)
 ORDER BY v.created_ms, v.id LIMIT 200;

-- name: list_view_add :changed     at most fifty each
INSERT INTO list_view (id, staff_id, page, name, ask, is_shared, created_ms, changed_ms)
SELECT :id, s.id, :page, :name, :ask, :is_shared, :now_ms, :now_ms FROM staff s
 WHERE s.id = :me_staff_id
   AND (SELECT count(*) FROM list_view v WHERE v.staff_id = s.id AND v.page = :page) < 50;

-- name: list_view_edit :changed
UPDATE list_view SET name = :name, ask = :ask, is_shared = :is_shared, changed_ms = :now_ms
 WHERE id = :view_id AND staff_id = :me_staff_id;

-- name: list_view_delete :changed
DELETE FROM list_view WHERE id = :view_id AND staff_id = :me_staff_id;
