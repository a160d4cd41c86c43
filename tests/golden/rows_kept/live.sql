CREATE TYPE mood AS ENUM ('calm', 'busy');
CREATE DOMAIN amount AS numeric(10,2);
CREATE TABLE kinds (code text PRIMARY KEY, label text NOT NULL UNIQUE);
INSERT INTO kinds VALUES ('k1', 'First'), ('k2', 'Second'), ('k4', 'Fourth'), (E'k\n"5"', 'Fifth');
CREATE TABLE plans (code text PRIMARY KEY, name varchar(10) NOT NULL UNIQUE, rank int UNIQUE,
  kind text NOT NULL REFERENCES kinds (code), price numeric NOT NULL, fee amount, mood mood NOT NULL, tags text[] NOT NULL,
  options jsonb NOT NULL, raw json, tenant text NOT NULL, since timestamptz NOT NULL);
INSERT INTO plans VALUES
  ('a', 'Beta', 2, 'k1', 1.000, 2, 'calm', '{x,"y z"}', '{"a":[1,2.0]}', '{"b": 1}', 'acme', '2020-01-01'),
  ('b', 'Alpha', 1, 'k4', 2.5, NULL, 'calm', '{old}', '{}', NULL, 'other', '2020-01-01'),
  ('own', 'Own', NULL, 'k1', 0, NULL, 'calm', '{}', '{}', NULL, 'acme', '2020-01-01');
CREATE TABLE members (kind text NOT NULL REFERENCES kinds (code) ON DELETE CASCADE);
INSERT INTO members VALUES ('k1');
CREATE TABLE welcome (id int PRIMARY KEY, text text NOT NULL);
CREATE TABLE rates (year int, id int, rate numeric(5,2) NOT NULL, PRIMARY KEY (year, id)) PARTITION BY RANGE (year);
CREATE TABLE rates_all PARTITION OF rates FOR VALUES FROM (2000) TO (2100);
INSERT INTO rates VALUES (2024, 1, 1.01), (2024, 2, 8), (2023, 1, 5);
