-- What a vehicle proves under, registered when it enrols. Owned by marketplace::identity.

-- NULL for vehicles enrolled before there were proofs: their commitments are refused.
ALTER TABLE vehicles ADD COLUMN identity_commitment BYTEA;
