CREATE TABLE t (id int PRIMARY KEY, code text NOT NULL);
CREATE UNIQUE INDEX t_code ON t (code);
UPDATE pg_catalog.pg_index SET indisvalid = false WHERE indexrelid = 't_code'::regclass;
