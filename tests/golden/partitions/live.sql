CREATE TABLE logs (id integer NOT NULL, event bigint) PARTITION BY HASH (id);
CREATE TABLE logs_0 (event bigint, id integer NOT NULL);
ALTER TABLE ONLY logs ATTACH PARTITION logs_0 FOR VALUES WITH (modulus 2, remainder 0);
ALTER TABLE ONLY logs_0 ADD CONSTRAINT its_key PRIMARY KEY (id);
ALTER TABLE ONLY logs ADD CONSTRAINT logs_pkey PRIMARY KEY (id);
ALTER INDEX logs_pkey ATTACH PARTITION its_key;

CREATE TABLE lists (a text NOT NULL, b integer) PARTITION BY LIST (a);
CREATE TABLE x PARTITION OF lists FOR VALUES IN ('x');
CREATE TABLE lists_y PARTITION OF lists FOR VALUES IN ('y', 'Y');
CREATE TABLE surplus PARTITION OF lists FOR VALUES IN ('surplus');
CREATE TABLE lists_own PARTITION OF lists (b DEFAULT 5) FOR VALUES IN ('own');
CREATE INDEX own_idx ON lists_own (b);
ALTER TABLE lists_own ADD CHECK (b > 0);

CREATE TABLE metrics (at date NOT NULL, value integer NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE metrics_2024 PARTITION OF metrics FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')
    PARTITION BY LIST (value);
CREATE TABLE metrics_2024_1 PARTITION OF metrics_2024 DEFAULT;

CREATE TABLE ordinary (a integer NOT NULL);
CREATE TABLE other (a integer NOT NULL) PARTITION BY LIST (a);
CREATE TABLE detached (a integer NOT NULL);
