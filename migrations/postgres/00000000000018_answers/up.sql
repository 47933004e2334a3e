-- What requests with an idempotency key were answered, for ever. Owned by marketplace::answers.

CREATE TABLE answers (
    -- The id of the buyer or owner; `operator` for all operators.
    asker TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    -- SHA-256 over what was asked.
    digest BYTEA NOT NULL,
    status INTEGER NOT NULL,
    body BYTEA NOT NULL,
    answered_at BIGINT NOT NULL,
    PRIMARY KEY (asker, idempotency_key)
);
