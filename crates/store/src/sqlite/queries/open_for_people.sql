SELECT tenant, run, slot, due_ms, standing
FROM outbox INDEXED BY outbox_for_people
WHERE kind IN ('inbox', 'dead_letter') AND tenant = ?1 AND (run, slot) > (?2, ?3) AND run <= ?4 AND kind = ?5
ORDER BY run, slot
LIMIT ?6
