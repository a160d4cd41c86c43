-- Functions that call each other, and what calls them. Files are read in the order of their names: each of these needs
-- what comes later.

CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    new.updated_at := now();
    RETURN new;
END
$$;

CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO {schema}.audit_entries (relation, operation, entry)
    VALUES (tg_table_name, tg_op, coalesce(to_jsonb(new), to_jsonb(old)));
    RETURN NULL;
END
$$;

CREATE FUNCTION order_total(order_id bigint) RETURNS numeric LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT coalesce(sum(line_total(l.quantity, l.price, l.discount)), 0)
    FROM order_lines l WHERE l.order_id = order_total.order_id;
END;

CREATE FUNCTION line_total(quantity numeric, price numeric, discount numeric) RETURNS numeric
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN round(quantity * price * (1 - discount / 100), 2);

CREATE FUNCTION is_open(state order_state) RETURNS boolean LANGUAGE sql IMMUTABLE
    RETURN CASE WHEN state IN ('draft', 'ordered', 'working') THEN true ELSE false END;

CREATE FUNCTION check_stock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT sum(m.quantity) FROM {schema}.stock_movements m WHERE m.part_id = new.part_id) < 0 THEN
        RAISE EXCEPTION 'part % is out of stock', new.part_id;
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION clock_out(employee bigint, at timestamptz DEFAULT now()) RETURNS void LANGUAGE sql AS $$
    UPDATE {schema}.time_entries SET ended = at WHERE employee_id = employee AND ended IS NULL;
$$;

CREATE PROCEDURE close_orders(before date) LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    UPDATE {schema}.orders SET state = 'closed' WHERE state = 'billed' AND ordered_on < before;
END
$$;

CREATE TRIGGER touch BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER touch BEFORE UPDATE ON vehicles FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER touch BEFORE UPDATE ON orders FOR EACH ROW
    WHEN ((old.state, old.note) IS DISTINCT FROM (new.state, new.note)) EXECUTE FUNCTION touch();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE OF state, customer_id ON orders
    FOR EACH ROW EXECUTE FUNCTION audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON invoices FOR EACH ROW EXECUTE FUNCTION audit();
CREATE CONSTRAINT TRIGGER check_stock AFTER INSERT OR UPDATE ON stock_movements
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_stock();

-- Views on views.
CREATE VIEW busiest_employees AS
    SELECT employee_id, count(*) AS orders FROM open_work GROUP BY employee_id ORDER BY orders DESC LIMIT 10;
CREATE VIEW open_work AS
    SELECT o.id AS order_id, w.employee_id, o.customer FROM open_orders o JOIN work_steps w ON w.order_id = o.id
    WHERE w.finished IS NULL;
CREATE VIEW open_orders WITH (security_barrier) AS
    SELECT o.id, c.name AS customer, order_total(o.id) AS total FROM orders o
    JOIN customers c ON c.id = o.customer_id WHERE is_open(o.state);
CREATE VIEW stock AS
    SELECT p.id AS part_id, p.name, coalesce(sum(m.quantity), 0) AS quantity
    FROM parts p LEFT JOIN stock_movements m ON m.part_id = p.id GROUP BY p.id;
CREATE VIEW parts_to_order AS
    SELECT s.part_id, s.name FROM stock s JOIN parts p ON p.id = s.part_id WHERE s.quantity < p.minimum;
COMMENT ON VIEW open_orders IS 'Orders that are not finished';

-- Row-level security.
ALTER TABLE employees ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON employees FOR SELECT USING (login = current_user);
CREATE POLICY managers ON employees USING (is_manager(current_user));
ALTER TABLE salaries ENABLE ROW LEVEL SECURITY;
CREATE POLICY managers ON salaries USING (is_manager(current_user));
CREATE POLICY no_past ON salaries AS RESTRICTIVE FOR UPDATE USING (valid_from >= current_date);
CREATE FUNCTION is_manager(login name) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog
    AS $$ SELECT EXISTS (SELECT FROM {schema}.managers m WHERE m.login = $1) $$;
