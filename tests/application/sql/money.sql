CREATE TABLE tax_rates (code text PRIMARY KEY, percent numeric(4, 2) NOT NULL CHECK (percent >= 0));

CREATE TABLE invoices (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number       text NOT NULL UNIQUE,
    order_id     bigint NOT NULL REFERENCES orders,
    issued_on    date NOT NULL DEFAULT current_date,
    due_on       date NOT NULL,
    cancels_id   bigint UNIQUE REFERENCES invoices,
    CHECK (due_on >= issued_on)
);
CREATE TABLE invoice_lines (
    invoice_id  bigint NOT NULL REFERENCES invoices ON DELETE CASCADE,
    line        smallint NOT NULL,
    label       text NOT NULL,
    net         numeric(12, 2) NOT NULL,
    tax_code    text NOT NULL DEFAULT 'full' REFERENCES tax_rates,
    PRIMARY KEY (invoice_id, line)
);
CREATE TABLE payments (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    invoice_id  bigint NOT NULL REFERENCES invoices,
    amount      numeric(12, 2) NOT NULL CHECK (amount <> 0),
    received_on date NOT NULL,
    method      payment_method NOT NULL DEFAULT 'transfer',
    reference   text
);
CREATE TYPE payment_method AS ENUM ('cash', 'card', 'transfer');
CREATE INDEX payments_invoice ON payments (invoice_id) INCLUDE (amount);
CREATE TABLE reminders (
    invoice_id  bigint NOT NULL REFERENCES invoices ON DELETE CASCADE,
    level       smallint NOT NULL CHECK (level BETWEEN 1 AND 3),
    sent_on     date NOT NULL,
    fee         numeric(8, 2) NOT NULL DEFAULT 0,
    PRIMARY KEY (invoice_id, level)
);
CREATE VIEW balances AS
    SELECT i.id AS invoice_id, n.net - coalesce(p.paid, 0) AS open
    FROM invoices i
    CROSS JOIN LATERAL (SELECT sum(l.net) AS net FROM invoice_lines l WHERE l.invoice_id = i.id) n
    LEFT JOIN (SELECT invoice_id, sum(amount) AS paid FROM payments GROUP BY invoice_id) p ON p.invoice_id = i.id;
CREATE VIEW overdue AS
    SELECT b.invoice_id, b.open, current_date - i.due_on AS days
    FROM balances b JOIN invoices i ON i.id = b.invoice_id WHERE b.open > 0 AND i.due_on < current_date;

CREATE TABLE audit_entries (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    who        name NOT NULL DEFAULT current_user,
    relation   name NOT NULL,
    operation  text NOT NULL,
    entry      jsonb NOT NULL
);
CREATE INDEX audit_entries_at ON audit_entries USING brin (at);
CREATE INDEX audit_entries_entry ON audit_entries USING gin (entry jsonb_path_ops);
COMMENT ON TABLE audit_entries IS 'Written by triggers only';
CREATE TABLE settings (key text PRIMARY KEY, value jsonb NOT NULL);
