-- What else there is among the members `member` of the schema `n`: kind, name, and the text that is digested, which
-- only extended statistics have.
SELECT o.type AS kind, o.name, (
    SELECT concat(ROW('statistics', :attributes_of_statistics)::text, (
        SELECT ROW('comment', :attributes_of_comment)::text
        FROM pg_description de
        WHERE de.objoid = e.oid AND de.classoid = 'pg_statistic_ext'::regclass))
    FROM pg_statistic_ext e
    WHERE o.classid = 'pg_statistic_ext'::regclass AND e.oid = o.objid) AS text
FROM (
    SELECT o.type, m.classid, m.objid, m.is_set, CASE WHEN m.is_set THEN CASE m.classid
               WHEN 'pg_operator'::regclass THEN m.objid::regoperator::text
               ELSE coalesce(o.name, o.identity) END END AS name
    FROM member m
    CROSS JOIN LATERAL pg_identify_object(m.classid, m.objid, 0) o
    WHERE m.classid NOT IN ('pg_class'::regclass, 'pg_type'::regclass,
                            'pg_proc'::regclass, 'pg_default_acl'::regclass)
    OFFSET 0
) o
