CREATE TABLE people (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE tasks (id integer PRIMARY KEY, title varchar(20) NOT NULL, state text NOT NULL, owner integer NOT NULL);
CREATE VIEW there AS SELECT id FROM tasks t;
CREATE VIEW renamed WITH (security_barrier) AS SELECT tasks.id AS task FROM tasks, people WHERE tasks.id > 0;
CREATE VIEW report_of_somebody AS SELECT count(*) FROM tasks;
CREATE TABLE taken ();
COMMENT ON VIEW there IS 'by hand';
