-- As another tool might have made it: other names, another order, indexes under odd names.
CREATE TABLE empresas (
    registro date,
    cnpj character varying(15) NOT NULL,
    empresa_id uuid DEFAULT gen_random_uuid() NOT NULL,
    CONSTRAINT "PK_a1b2" PRIMARY KEY (empresa_id),
    CONSTRAINT "UQ_c3d4" UNIQUE (cnpj),
    CONSTRAINT "CHK_e5" CHECK ((length(cnpj::text) >= 11))
);
CREATE TABLE projetos (
    nome text NOT NULL,
    empresa_id uuid NOT NULL,
    id int4 PRIMARY KEY,
    CONSTRAINT "FK_1" FOREIGN KEY (empresa_id) REFERENCES empresas ON DELETE CASCADE
);
CREATE INDEX "IDX_1" ON projetos USING btree (lower(nome) DESC) WHERE nome IS NOT NULL;
