CREATE TABLE third (id int REFERENCES first);
