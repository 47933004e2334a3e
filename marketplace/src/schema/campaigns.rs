//! Tables of campaigns and claims.

diesel::table! {
    campaigns (id) {
        id -> Binary,
        buyer_id -> Binary,
        title -> Text,
        scope -> Text,
        question -> Text,
        created_at -> BigInt,
        closes_at -> BigInt,
        pay_per_vehicle -> BigInt,
        fee_per_vehicle -> BigInt,
        vehicles_max -> Integer,
        vehicles_in_scope -> Integer,
        returned -> Nullable<BigInt>,
    }
}

diesel::table! {
    claims (campaign_id, nullifier) {
        campaign_id -> Binary,
        nullifier -> Binary,
        payee -> Binary,
        root -> Binary,
        verifying_key -> Binary,
        proof -> Binary,
        received_at -> BigInt,
    }
}

diesel::table! {
    sweeps (payee) {
        payee -> Binary,
        owner_id -> Binary,
        amount -> BigInt,
        swept_at -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(campaigns, claims, sweeps);
