-- The functions, procedures and aggregates among the members `member` of the schema `n`: kind, name, and the text that
-- is digested. What belongs to an extension is represented by its name in the model.
SELECT CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END AS kind,
       CASE WHEN m.is_set THEN p.oid::regprocedure::text END AS name, concat(
    ROW('routine', :attributes_of_function,
        (SELECT string_agg(e.deptype::text, '' ORDER BY e.deptype)
         FROM pg_depend e
         WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid
           AND e.deptype IN ('e', 'i')))::text,
    CASE WHEN p.prokind = 'a' THEN (
        SELECT ROW(:attributes_of_aggregate)::text
        FROM pg_aggregate ag
        WHERE ag.aggfnoid = p.oid) END, (
    SELECT ROW('comment', :attributes_of_comment)::text
    FROM pg_description de
    WHERE de.objoid = p.oid AND de.classoid = 'pg_proc'::regclass)) AS text
FROM member m
JOIN pg_proc p ON p.oid = m.objid
JOIN pg_language l ON l.oid = p.prolang
WHERE m.classid = 'pg_proc'::regclass
