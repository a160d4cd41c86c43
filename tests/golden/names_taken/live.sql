-- The names that unnamed objects would get are in use: they step aside.
CREATE TABLE other (a int CONSTRAINT t_pkey UNIQUE);
CREATE INDEX t_a_idx ON other (a);
CREATE TABLE t (id int, a int, CONSTRAINT t_a_key CHECK (a > 0));
