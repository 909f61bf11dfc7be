SELECT tenant, run, slot, due_ms, standing
FROM outbox INDEXED BY outbox_for_people
WHERE kind IN ('inbox', 'dead_letter') AND tenant = ?1 AND (run, slot) > (?2, ?3) AND run <= ?4 AND kind = ?5 AND (?6 IS NULL OR agent = ?6)
ORDER BY run, slot
LIMIT ?7
