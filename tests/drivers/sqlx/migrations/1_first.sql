CREATE TABLE mig_first (id bigserial PRIMARY KEY); SELECT pg_sleep(0.3);
