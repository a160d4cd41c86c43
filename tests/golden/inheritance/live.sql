CREATE TABLE named (id bigint PRIMARY KEY, name text NOT NULL DEFAULT '?', CHECK (name <> ''));
CREATE TABLE dated (since date NOT NULL);
CREATE TABLE apart (a integer NOT NULL, since date NOT NULL);
CREATE TABLE surplus () INHERITS (named);
ALTER TABLE surplus ALTER name SET DEFAULT 'x';
