-- expect 2: kind ':some'
-- name: bad_kind :some
SELECT id FROM shop;
