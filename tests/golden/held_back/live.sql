-- What is missing and needs what is different, or in the way, waits; the rest is done.
CREATE TABLE a (foo varchar NOT NULL);
CREATE VIEW b AS SELECT 1 AS id;
CREATE TABLE c (id int NOT NULL);
