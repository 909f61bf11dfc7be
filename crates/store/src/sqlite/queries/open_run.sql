INSERT INTO runs (tenant, run, version, head, condition, trace_id, summary)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT DO NOTHING
