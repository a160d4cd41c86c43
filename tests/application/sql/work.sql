CREATE TYPE order_state AS ENUM ('draft', 'ordered', 'working', 'done', 'billed', 'closed');

CREATE TABLE units (code text PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id  bigint NOT NULL REFERENCES customers,
    vehicle_id   bigint REFERENCES vehicles,
    state        order_state NOT NULL DEFAULT 'draft',
    ordered_on   date NOT NULL DEFAULT current_date,
    note         text,
    search       tsvector GENERATED ALWAYS AS (to_tsvector('simple', coalesce(note, ''))) STORED,
    updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX orders_open ON orders (customer_id, ordered_on DESC) WHERE is_open(state);
CREATE INDEX orders_search ON orders USING gin (search);
CREATE TABLE order_lines (
    order_id  bigint NOT NULL REFERENCES orders ON DELETE CASCADE,
    line      smallint NOT NULL,
    part_id   bigint,
    label     text NOT NULL,
    unit      text NOT NULL REFERENCES units,
    quantity  numeric(10, 3) NOT NULL CHECK (quantity > 0),
    price     numeric(12, 2) NOT NULL,
    discount  numeric(5, 2) NOT NULL DEFAULT 0 CHECK (discount BETWEEN 0 AND 100),
    total     numeric GENERATED ALWAYS AS (line_total(quantity, price, discount)) STORED,
    PRIMARY KEY (order_id, line)
);
ALTER TABLE order_lines ADD CONSTRAINT order_lines_part FOREIGN KEY (part_id) REFERENCES parts (id);
CREATE TABLE work_steps (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id     bigint NOT NULL REFERENCES orders ON DELETE CASCADE,
    employee_id  bigint REFERENCES employees,
    bay_id       integer REFERENCES bays,
    planned      tstzrange,
    finished     timestamptz,
    EXCLUDE USING gist (planned WITH &&) WHERE (bay_id = 1)
);
CREATE TABLE bays (id integer PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE photos (
    id        uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    order_id  bigint NOT NULL REFERENCES orders ON DELETE CASCADE,
    taken_at  timestamptz NOT NULL DEFAULT now(),
    file      bytea NOT NULL
);

CREATE TABLE suppliers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE parts (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number       text NOT NULL UNIQUE,
    name         text NOT NULL,
    supplier_id  bigint REFERENCES suppliers ON DELETE SET NULL,
    minimum      numeric(10, 3) NOT NULL DEFAULT 0,
    price        numeric(12, 2)
);
COMMENT ON COLUMN parts.minimum IS 'Below this, it is ordered';
CREATE TABLE stock_movements (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    part_id   bigint NOT NULL REFERENCES parts,
    order_id  bigint REFERENCES orders,
    quantity  numeric(10, 3) NOT NULL CHECK (quantity <> 0),
    moved_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX stock_movements_part ON stock_movements (part_id, moved_at);
CREATE TABLE purchase_orders (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    supplier_id  bigint NOT NULL REFERENCES suppliers,
    sent_on      date,
    received_on  date,
    CHECK (received_on IS NULL OR sent_on IS NOT NULL)
);
CREATE TABLE purchase_lines (
    purchase_order_id  bigint NOT NULL REFERENCES purchase_orders ON DELETE CASCADE,
    part_id            bigint NOT NULL REFERENCES parts,
    quantity           numeric(10, 3) NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (purchase_order_id, part_id)
);
