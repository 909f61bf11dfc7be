DELETE FROM refusals
WHERE seq <= (SELECT max(seq) FROM refusals) - ?1
