-- What waits and what is stuck in the parts of the house.

-- name: health_counts :one     each at most :most_count, so that a full base is as quick as an empty one
SELECT (SELECT count(*) FROM (SELECT 1 AS one FROM timer WHERE status = 'waiting'
                              LIMIT :most_count) AS w) AS timer_waiting_count,
       (SELECT count(*) FROM (SELECT 1 AS one FROM timer WHERE status = 'waiting' AND due_ms < :late_ms
                              LIMIT :most_count) AS w) AS timer_late_count,
       (SELECT count(*) FROM (SELECT 1 AS one FROM timer WHERE status = 'dead'
                              LIMIT :most_count) AS w) AS timer_dead_count,
       (SELECT count(*) FROM (SELECT 1 AS one FROM outbox WHERE status = 'waiting'
                              LIMIT :most_count) AS w) AS outbox_waiting_count,
       (SELECT count(*) FROM (SELECT 1 AS one FROM outbox WHERE status = 'dead'
                              LIMIT :most_count) AS w) AS outbox_dead_count,
       (SELECT count(*) FROM (SELECT 1 AS one FROM inbox WHERE status = 'dead'
                              LIMIT :most_count) AS w) AS inbox_dead_count,
       (SELECT count(*) FROM (SELECT 1 AS one FROM saga WHERE due_ms IS NOT NULL
                              LIMIT :most_count) AS w) AS saga_open_count,
       (SELECT count(*) FROM (SELECT 1 AS one FROM saga WHERE status = 'unknown'
                              LIMIT :most_count) AS w) AS saga_unknown_count,
       (SELECT count(*) FROM (SELECT 1 AS one FROM bill_difference WHERE closed_ms IS NULL
                              LIMIT :most_count) AS w) AS difference_open_count,
       (SELECT count(*) FROM (SELECT 1 AS one FROM reversal WHERE status = 'asked'
                              LIMIT :most_count) AS w) AS reversal_asked_count,
       (SELECT count(*) FROM (SELECT 1 AS one FROM reward_grant WHERE status = 'held'
                              LIMIT :most_count) AS w) AS reward_held_count;
