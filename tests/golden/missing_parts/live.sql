CREATE TYPE cor AS ENUM ('azul', 'roxo');
CREATE TABLE t (id int, name text);
INSERT INTO t VALUES (1, 'one');
