CREATE TABLE t (id int PRIMARY KEY, name varchar(10) DEFAULT 'x' NOT NULL);
