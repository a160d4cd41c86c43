CREATE TABLE there (
    id integer NOT NULL PRIMARY KEY,
    a text NOT NULL,
    b text COMPRESSION pglz NOT NULL,
    CONSTRAINT not_valid CHECK (id > 1)
) WITH (toast.autovacuum_enabled = true);
ALTER TABLE there ADD CONSTRAINT valid CHECK (id > 0) NOT VALID;
CREATE INDEX "by a" ON there (a);
CREATE INDEX "by b" ON there (b, a);
ALTER TABLE there CLUSTER ON "by a", ALTER b SET (n_distinct = 7);
CREATE TABLE extra_of (id integer);
ALTER TABLE extra_of REPLICA IDENTITY NOTHING;
CREATE MATERIALIZED VIEW kept AS SELECT id FROM there WITH NO DATA;
ALTER MATERIALIZED VIEW kept ALTER id SET STATISTICS 7;
CREATE INDEX kept_id ON kept (id);
CREATE INDEX kept_next ON kept ((id + 1));
ALTER INDEX kept_next ALTER 1 SET STATISTICS 8;
COMMENT ON INDEX there_pkey IS 'The index of a constraint';
CREATE VIEW other AS SELECT there.id FROM there, extra_of;
COMMENT ON COLUMN other.id IS 'other';
COMMENT ON COLUMN kept.id IS 'of there';
CREATE VIEW extra_view AS SELECT id FROM there;
COMMENT ON COLUMN extra_view.id IS 'goes with it';
CREATE SEQUENCE owned_by_nothing;
CREATE SEQUENCE extra_of_there OWNED BY there.id;
CREATE TABLE fed_later (id bigint);
INSERT INTO fed_later VALUES (1), (2);
CREATE SEQUENCE feeding_there INCREMENT 5;
CREATE TABLE fed_there (id bigint DEFAULT nextval('feeding_there'));
ALTER SEQUENCE feeding_there OWNED BY fed_there.id;
