-- Close, but not what is declared: nothing may be made a second time.
CREATE TABLE empresas (
    empresa_id serial PRIMARY KEY,
    cnpj varchar(15) NOT NULL,
    email text
);
CREATE UNIQUE INDEX empresas_cnpj_unique ON empresas (cnpj);
ALTER TABLE empresas ADD CONSTRAINT mail UNIQUE (email) DEFERRABLE;
CREATE TABLE projetos (
    id int PRIMARY KEY,
    empresa_id int REFERENCES empresas ON DELETE SET NULL,
    nome text CONSTRAINT nome_curto CHECK (length(nome) < 10)
);
ALTER TABLE projetos ADD CONSTRAINT nome_longo CHECK (length(nome) > 2) NOT VALID;
CREATE INDEX projetos_nome_idx ON projetos (nome DESC);
