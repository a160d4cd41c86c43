CREATE TYPE cor AS ENUM ('b', 'a');
CREATE SEQUENCE num INCREMENT 2;
CREATE TABLE t (
    id serial PRIMARY KEY,
    name varchar(10) COLLATE "C",
    price numeric(10,2) DEFAULT 1,
    g int GENERATED ALWAYS AS (1) STORED,
    CONSTRAINT positive CHECK (price > 0)
);
CREATE INDEX by_name ON t (name);
COMMENT ON TABLE t IS 'old';
