//! The tables of rewards, as Diesel sees them.

diesel::table! {
    reward_weeks (number) {
        number -> Integer,
        first_day -> Integer,
        rules_version -> Integer,
        pool_first -> BigInt,
        decay_basis_points -> Integer,
        pool -> BigInt,
        vehicle_count -> BigInt,
        points -> BigInt,
        file_hash -> Binary,
        closed_at -> BigInt,
        vested_at -> Nullable<BigInt>,
        paid -> BigInt,
    }
}

diesel::table! {
    reward_facts (week, pseudonym) {
        week -> Integer,
        pseudonym -> Binary,
        connected_days -> Integer,
        streak_weeks -> Integer,
        signals -> Integer,
        plausibility -> Integer,
        model_group -> Binary,
        region_group -> Nullable<Binary>,
        day_points -> Integer,
        streak_points -> Integer,
        signal_points -> Integer,
        model_points -> Integer,
        region_points -> Integer,
        points -> Integer,
        amount -> BigInt,
    }
}

diesel::table! {
    reward_shares (week, vehicle_id) {
        week -> Integer,
        vehicle_id -> Binary,
        owner_id -> Binary,
        pseudonym -> Nullable<Binary>,
        amount -> BigInt,
        paid -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(reward_facts, reward_shares);
