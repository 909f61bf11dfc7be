SELECT tenant, run, slot, due_ms, standing
FROM outbox
WHERE tenant = ?1 AND (run, slot) > (?2, ?3) AND run <= ?4 AND (?5 IS NULL OR kind = ?5) AND (?6 IS NULL OR agent = ?6)
ORDER BY run, slot
LIMIT ?7
