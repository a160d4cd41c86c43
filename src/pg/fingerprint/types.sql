-- The types among the members `member` of a schema: kind, name, and the text that is digested.
SELECT 'type' AS kind, t.typname::text AS name, concat(
    ROW('type', t.typtype, t.typstorage,
        CASE WHEN m.is_set THEN t.typcollation::regcollation END,
        -- Casts are in no schema, but are dropped with their types.
        (SELECT string_agg(DISTINCT ROW(format_type(ca.castsource, NULL),
                                        format_type(ca.casttarget, NULL))::text, '')
         FROM pg_depend d
         JOIN pg_cast ca ON ca.oid = d.objid
         WHERE d.classid = 'pg_cast'::regclass AND m.is_set
           AND d.refclassid = 'pg_type'::regclass AND d.refobjid = t.oid))::text,
    CASE t.typtype
        WHEN 'd' THEN ROW('domain', :attributes_of_domain)::text
        WHEN 'r' THEN (SELECT ROW('range', rg.rngcanonical <> 0, :attributes_of_range_type)::text
                       FROM pg_range rg WHERE rg.rngtypid = t.oid) END,
    :texts_of_enum, :texts_of_domain, :texts_of_composite_type, (
    SELECT ROW('comment', :attributes_of_comment)::text
    FROM pg_description de
    WHERE de.objoid = t.oid AND de.classoid = 'pg_type'::regclass)) AS text
FROM member m
JOIN pg_type t ON t.oid = m.objid
:parts_of_enum
:parts_of_domain
:parts_of_composite_type
WHERE m.classid = 'pg_type'::regclass
