-- Who takes part: owners, buyers, their keys, and vehicles. Owned by marketplace::identity.

CREATE TABLE owners (
    id BYTEA NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE buyers (
    id BYTEA NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- Only the SHA-256 of a key is kept. `principal_id` is null for operators.
CREATE TABLE api_keys (
    hash BYTEA NOT NULL PRIMARY KEY,
    role TEXT NOT NULL CHECK (role IN ('operator', 'owner', 'buyer')),
    principal_id BYTEA,
    created_at BIGINT NOT NULL,
    CHECK ((role = 'operator') = (principal_id IS NULL))
);

CREATE TABLE vehicles (
    id BYTEA NOT NULL PRIMARY KEY,
    owner_id BYTEA NOT NULL REFERENCES owners (id),
    make TEXT NOT NULL,
    model TEXT NOT NULL,
    model_year INTEGER NOT NULL,
    powertrain TEXT NOT NULL,
    public_key BYTEA NOT NULL UNIQUE,
    status TEXT NOT NULL CHECK (status IN ('active', 'suspended')),
    enrolled_at BIGINT NOT NULL
);
CREATE INDEX vehicles_by_owner ON vehicles (owner_id);

-- Single use: `vehicle_id` is set when the code is used, and never again.
CREATE TABLE enrolment_codes (
    hash BYTEA NOT NULL PRIMARY KEY,
    owner_id BYTEA NOT NULL REFERENCES owners (id),
    consent TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    vehicle_id BYTEA REFERENCES vehicles (id)
);
