CREATE TABLE shares (note integer NOT NULL);
CREATE FUNCTION different() RETURNS boolean RETURN false;
CREATE POLICY there ON shares USING ((note) > 0);
CREATE POLICY changed ON shares TO pg_monitor USING (note > 1);
CREATE POLICY surplus ON shares USING (true);
