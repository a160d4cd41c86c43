CREATE TABLE there (a integer NOT NULL, b integer NOT NULL, c text NOT NULL) WITH (fillfactor = 60);
CREATE STATISTICS there_ab (mcv, ndistinct, dependencies) ON b, a FROM there;
CREATE STATISTICS other ON a, b FROM there;
ALTER STATISTICS other SET STATISTICS 7;
CREATE STATISTICS of_somebody ON ((a * b)) FROM there;
CREATE TABLE plain (a integer NOT NULL) WITH (autovacuum_enabled = off);
CREATE STATISTICS taken ON ((a * 2)) FROM plain;
