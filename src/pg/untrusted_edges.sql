-- What the object `r` needs, in untrusted.sql.
SELECT NULL::oid AS "cast", d.refclassid::oid AS classid, d.refobjid AS objid
FROM pg_depend d
WHERE d.classid = r.classid AND d.objid = r.objid AND d.refobjid >= 16384
  AND (d.refclassid IN ('pg_proc'::regclass, 'pg_type'::regclass, 'pg_operator'::regclass,
                        'pg_opclass'::regclass, 'pg_opfamily'::regclass, 'pg_am'::regclass)
       -- What a rule reads.
       OR r.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass)
UNION ALL
SELECT NULL, 'pg_constraint'::regclass, k.oid
FROM pg_constraint k
WHERE r.classid = 'pg_type'::regclass AND k.contypid = r.objid
UNION ALL
SELECT NULL, 'pg_class'::regclass, y.typrelid
FROM pg_type y
WHERE r.classid = 'pg_type'::regclass AND y.oid = r.objid AND y.typtype = 'c'
  AND y.typrelid >= 16384
UNION ALL
-- The attributes of a composite type, and the rule that makes a view one.
SELECT NULL, 'pg_rewrite'::regclass, ru.oid
FROM pg_rewrite ru
WHERE r.classid = 'pg_class'::regclass AND ru.ev_class = r.objid AND ru.oid >= 16384
UNION ALL
SELECT ca.oid, 'pg_proc'::regclass, ca.castfunc
FROM pg_cast ca
WHERE r.classid = 'pg_type'::regclass AND ca.castfunc >= 16384 AND ca.castsource = r.objid
UNION ALL
SELECT ca.oid, 'pg_proc'::regclass, ca.castfunc
FROM pg_cast ca
WHERE r.classid = 'pg_type'::regclass AND ca.castfunc >= 16384 AND ca.casttarget = r.objid
UNION ALL
SELECT NULL, 'pg_proc'::regclass, ap.amproc
FROM pg_amproc ap
WHERE r.classid = 'pg_opfamily'::regclass AND ap.amprocfamily = r.objid AND ap.amproc >= 16384
UNION ALL
SELECT NULL, 'pg_operator'::regclass, ao.amopopr
FROM pg_amop ao
WHERE r.classid = 'pg_opfamily'::regclass AND ao.amopfamily = r.objid AND ao.amopopr >= 16384
