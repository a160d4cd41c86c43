CREATE TABLE lookup (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, grupo text NOT NULL, nome text NOT NULL, note text);
INSERT INTO lookup (grupo, nome, note) VALUES ('Funcao', 'Peão', 'kept as it is');
