-- expect 4: 'left_count' in DO UPDATE SET must be qualified
-- name: bad_upsert :exec
INSERT INTO coupon (id, code, left_count, is_open, created_ms) VALUES (:coupon_id, :code, 1, 1, :now_ms)
ON CONFLICT (code) DO UPDATE SET left_count = left_count + 1;
