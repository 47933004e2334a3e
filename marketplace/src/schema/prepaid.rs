//! The tables of what buyers pay for ahead, campaigns, subscriptions and live streams, as Diesel sees them.

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

diesel::table! {
    data_campaigns (id) {
        id -> Binary,
        buyer_id -> Binary,
        dataset_id -> Binary,
        title -> Text,
        purpose -> Text,
        days_min -> Integer,
        pay_per_vehicle -> BigInt,
        fee_per_vehicle -> BigInt,
        vehicles_max -> Integer,
        created_at -> BigInt,
        closes_at -> BigInt,
        returned -> Nullable<BigInt>,
    }
}

diesel::table! {
    data_campaign_days (campaign_id, vehicle_id, day) {
        campaign_id -> Binary,
        vehicle_id -> Binary,
        day -> Integer,
    }
}

diesel::table! {
    data_campaign_pays (campaign_id, vehicle_id) {
        campaign_id -> Binary,
        vehicle_id -> Binary,
        owner_id -> Binary,
        amount -> BigInt,
        paid_at -> BigInt,
    }
}

diesel::table! {
    subscriptions (id) {
        id -> Binary,
        buyer_id -> Binary,
        dataset_id -> Binary,
        purpose -> Text,
        period_seconds -> BigInt,
        after_arrival -> BigInt,
        next_at -> BigInt,
        waits_for -> Nullable<Text>,
        created_at -> BigInt,
        closed_at -> Nullable<BigInt>,
        unspent -> Nullable<BigInt>,
    }
}

diesel::table! {
    top_ups (subscription_id, number) {
        subscription_id -> Binary,
        number -> Integer,
        amount -> BigInt,
        paid_at -> BigInt,
    }
}

diesel::table! {
    subscription_orders (subscription_id, order_id) {
        subscription_id -> Binary,
        order_id -> Binary,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    campaigns,
    claims,
    sweeps,
    subscriptions,
    top_ups,
    subscription_orders
);

diesel::table! {
    live_streams (id) {
        id -> Binary,
        buyer_id -> Binary,
        dataset_id -> Binary,
        signals -> Text,
        purpose -> Text,
        cap -> BigInt,
        pending_id -> Binary,
        price_inputs -> Text,
        fee_basis_points -> Integer,
        opened_at -> BigInt,
        ends_at -> BigInt,
        opened_arrival -> BigInt,
        metered_arrival -> BigInt,
        price -> Nullable<BigInt>,
    }
}

diesel::table! {
    live_rows (stream_id, vehicle_id) {
        stream_id -> Binary,
        vehicle_id -> Binary,
        owner_id -> Binary,
        row_count -> BigInt,
        last_at -> BigInt,
        amount -> Nullable<BigInt>,
    }
}

diesel::joinable!(live_rows -> live_streams (stream_id));
diesel::allow_tables_to_appear_in_same_query!(live_streams, live_rows);
