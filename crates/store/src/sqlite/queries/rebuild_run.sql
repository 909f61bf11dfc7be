UPDATE runs
SET condition = ?3, trace_id = ?4, summary = ?5
WHERE tenant = ?1 AND run = ?2
