UPDATE runs
SET version = ?3, head = ?4, condition = ?5, trace_id = ?6, summary = ?7
WHERE tenant = ?1 AND run = ?2 AND version = ?8 AND head = ?9
