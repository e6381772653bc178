CREATE VIEW doubled AS SELECT v || v AS w FROM first;
SELECT pg_sleep(0.3);
INSERT INTO first (v) VALUES ('ä');
