-- What each vehicle did on each day that is not closed yet. Owned by marketplace::archive.

-- Days are UTC days on which the market took samples in, counted from 1970-01-01. `varied_signals` has one bit for each
-- signal, by its number, that changed on that day.
CREATE TABLE vehicle_days (
    vehicle_id BYTEA NOT NULL REFERENCES vehicles (id),
    day INTEGER NOT NULL,
    samples BIGINT NOT NULL CHECK (samples > 0),
    score_sum BIGINT NOT NULL CHECK (score_sum >= 0),
    varied_signals BYTEA NOT NULL,
    PRIMARY KEY (vehicle_id, day)
);

-- Rewards: a pool of each week, and who earned what of it. Owned by marketplace::rewards.

CREATE TABLE reward_weeks (
    number INTEGER NOT NULL PRIMARY KEY CHECK (number >= 1),
    -- A Monday, counted from 1970-01-01.
    first_day INTEGER NOT NULL UNIQUE,
    rules_version INTEGER NOT NULL,
    -- Of the first year, and by how much less it is each year: what `pool` follows from.
    pool_first BIGINT NOT NULL CHECK (pool_first > 0),
    decay_basis_points INTEGER NOT NULL CHECK (decay_basis_points >= 0 AND decay_basis_points <= 10000),
    pool BIGINT NOT NULL CHECK (pool >= 0),
    vehicle_count BIGINT NOT NULL,
    points BIGINT NOT NULL,
    -- SHA-256 of the published file.
    file_hash BYTEA NOT NULL,
    closed_at BIGINT NOT NULL,
    vested_at BIGINT,
    -- What was given when it vested, in micro-tokens.
    paid BIGINT NOT NULL DEFAULT 0 CHECK (paid >= 0 AND paid <= pool)
);

-- What is published. A pseudonym is made with a salt that nobody keeps, so that only `reward_shares` knows whose it is.
CREATE TABLE reward_facts (
    week INTEGER NOT NULL REFERENCES reward_weeks (number),
    pseudonym BYTEA NOT NULL,
    connected_days INTEGER NOT NULL,
    streak_weeks INTEGER NOT NULL,
    signals INTEGER NOT NULL,
    plausibility INTEGER NOT NULL,
    model_group BYTEA NOT NULL,
    region_group BYTEA,
    day_points INTEGER NOT NULL,
    streak_points INTEGER NOT NULL,
    signal_points INTEGER NOT NULL,
    model_points INTEGER NOT NULL,
    region_points INTEGER NOT NULL,
    points INTEGER NOT NULL,
    amount BIGINT NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (week, pseudonym)
);

-- Whose it is: `pseudonym` is null when the vehicle was erased. `paid` is the amount or nothing, and nothing before the week vests.
CREATE TABLE reward_shares (
    week INTEGER NOT NULL REFERENCES reward_weeks (number),
    vehicle_id BYTEA NOT NULL REFERENCES vehicles (id),
    owner_id BYTEA NOT NULL REFERENCES owners (id),
    pseudonym BYTEA,
    amount BIGINT NOT NULL CHECK (amount >= 0),
    paid BIGINT NOT NULL DEFAULT 0 CHECK (paid = 0 OR paid = amount),
    PRIMARY KEY (week, vehicle_id)
);
CREATE INDEX reward_shares_by_owner ON reward_shares (owner_id);
CREATE INDEX reward_shares_by_vehicle ON reward_shares (vehicle_id);
