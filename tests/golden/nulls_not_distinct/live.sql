CREATE TABLE pessoa (
    id bigint PRIMARY KEY,
    documento text,
    apelido text,
    chefe bigint,
    CONSTRAINT pessoa_documento_key UNIQUE (documento)
);
