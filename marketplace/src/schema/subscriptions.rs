//! Tables of subscriptions.

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

diesel::allow_tables_to_appear_in_same_query!(subscriptions, top_ups, subscription_orders);
