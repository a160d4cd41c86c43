CREATE AGGREGATE there(integer) (SFUNC = int4pl, STYPE = integer);
CREATE AGGREGATE different(integer) (SFUNC = int4mi, STYPE = integer, INITCOND = '8', PARALLEL = SAFE);
CREATE FUNCTION taken() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE surplus(*) (SFUNC = int8inc, STYPE = bigint, INITCOND = '0');
