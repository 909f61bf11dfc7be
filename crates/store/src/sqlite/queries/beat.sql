UPDATE outbox
SET due_ms = max(due_ms, ?5 + length_ms)
WHERE tenant = ?1 AND run = ?2 AND slot = ?3 AND token = ?4
