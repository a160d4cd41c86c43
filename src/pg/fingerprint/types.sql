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
    :texts_of_enum, (
    SELECT ROW('comment', :attributes_of_comment)::text
    FROM pg_description de
    WHERE de.objoid = t.oid AND de.classoid = 'pg_type'::regclass)) AS text
FROM member m
JOIN pg_type t ON t.oid = m.objid
:parts_of_enum
WHERE m.classid = 'pg_type'::regclass
