CREATE TABLE first (id bigserial PRIMARY KEY, v text NOT NULL);
