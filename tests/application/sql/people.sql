CREATE TABLE employees (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL,
    login      name UNIQUE,
    hired_on   date NOT NULL,
    left_on    date,
    skills     text[] NOT NULL DEFAULT '{}',
    CHECK (left_on > hired_on)
);
CREATE TABLE managers (employee_id bigint PRIMARY KEY REFERENCES employees, login name NOT NULL UNIQUE);
CREATE TABLE salaries (
    employee_id  bigint NOT NULL REFERENCES employees,
    valid_from   date NOT NULL,
    monthly      numeric(10, 2) NOT NULL,
    PRIMARY KEY (employee_id, valid_from)
);
CREATE TABLE absences (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    employee_id  bigint NOT NULL REFERENCES employees,
    days         daterange NOT NULL,
    reason       absence_reason NOT NULL
);
CREATE TYPE absence_reason AS ENUM ('holiday', 'illness', 'other');
CREATE INDEX absences_days ON absences USING gist (days);
CREATE TABLE time_entries (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    employee_id  bigint NOT NULL REFERENCES employees,
    started      timestamptz NOT NULL,
    ended        timestamptz,
    hours        numeric GENERATED ALWAYS AS (round(extract(epoch FROM ended - started) / 3600, 2)) STORED
);
CREATE UNIQUE INDEX one_at_a_time ON time_entries (employee_id) WHERE ended IS NULL;
