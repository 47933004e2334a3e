//! The tables of what is for sale, as Diesel sees them.

diesel::table! {
    datasets (id) {
        id -> Binary,
        slug -> Text,
        title -> Text,
        description -> Text,
        signals -> Text,
        price_per_row -> BigInt,
        row_count -> BigInt,
        vehicle_count -> BigInt,
        makes -> Text,
        models -> Text,
        first_at -> Nullable<BigInt>,
        last_at -> Nullable<BigInt>,
        lake_version -> BigInt,
        created_at -> BigInt,
        described_at -> BigInt,
        score -> Nullable<Integer>,
        flagged_rows -> BigInt,
        reasons -> Text,
        years -> Text,
        powertrains -> Text,
        change_number -> BigInt,
        buyer_id -> Nullable<Binary>,
        class -> Nullable<Text>,
    }
}

diesel::table! {
    dataset_profiles (dataset_id) {
        dataset_id -> Binary,
        row_count -> BigInt,
        vehicle_count -> BigInt,
        lake_version -> BigInt,
        profiled_at -> BigInt,
        profile -> Text,
    }
}
