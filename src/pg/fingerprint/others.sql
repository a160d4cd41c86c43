-- What is represented by its name alone of the members `member` of a schema: kind, name, and no text.
SELECT o.type AS kind, o.name, NULL AS text
FROM (
    SELECT o.type, CASE WHEN m.is_set THEN CASE m.classid
               WHEN 'pg_operator'::regclass THEN m.objid::regoperator::text
               ELSE coalesce(o.name, o.identity) END END AS name
    FROM member m
    CROSS JOIN LATERAL pg_identify_object(m.classid, m.objid, 0) o
    WHERE m.classid NOT IN ('pg_class'::regclass, 'pg_type'::regclass,
                            'pg_proc'::regclass, 'pg_default_acl'::regclass)
    OFFSET 0
) o
