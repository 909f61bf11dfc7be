INSERT INTO refusals (tenant, run, at_ms, principal, command, code, message, pointer)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
