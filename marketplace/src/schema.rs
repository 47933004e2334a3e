//! The tables, as Diesel sees them. Follows `migrations/`; a test compares the two.
//!
//! **Invariant:** only a table's owner module names it here (the owner is said in its migration).

mod catalog;
mod prepaid;
mod rewards;

pub(crate) use catalog::{dataset_profiles, datasets};
pub(crate) use prepaid::{
    campaigns, claims, data_campaign_days, data_campaign_pays, data_campaigns, live_rows,
    live_streams, subscription_orders, subscriptions, sweeps, top_ups,
};
pub(crate) use rewards::{reward_facts, reward_shares, reward_weeks};

diesel::table! {
    owners (id) {
        id -> Binary,
        name -> Text,
        created_at -> BigInt,
        fleet_version -> BigInt,
    }
}

diesel::table! {
    buyers (id) {
        id -> Binary,
        name -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    api_keys (hash) {
        hash -> Binary,
        role -> Text,
        principal_id -> Nullable<Binary>,
        created_at -> BigInt,
    }
}

diesel::table! {
    vehicles (id) {
        id -> Binary,
        owner_id -> Binary,
        make -> Text,
        model -> Text,
        model_year -> Integer,
        powertrain -> Text,
        public_key -> Binary,
        status -> Text,
        enrolled_at -> BigInt,
        identity_commitment -> Nullable<Binary>,
        labels -> Text,
    }
}

diesel::table! {
    enrolment_codes (hash) {
        hash -> Binary,
        owner_id -> Binary,
        consent -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        vehicle_id -> Nullable<Binary>,
    }
}

diesel::table! {
    policies (vehicle_id, version) {
        vehicle_id -> Binary,
        version -> Integer,
        groups -> Text,
        decided_at -> BigInt,
        precisions -> Text,
        purposes -> Text,
    }
}

diesel::table! {
    accounts (id) {
        id -> Binary,
        kind -> Text,
        holder_id -> Nullable<Binary>,
        balance -> BigInt,
        created_at -> BigInt,
        pending -> BigInt,
    }
}

diesel::table! {
    seals (entry_id) {
        entry_id -> Binary,
    }
}

diesel::table! {
    entries (id) {
        id -> Binary,
        kind -> Text,
        idempotency_key -> Text,
        posted_at -> BigInt,
    }
}

diesel::table! {
    postings (entry_id, line) {
        entry_id -> Binary,
        line -> Integer,
        account_id -> Binary,
        amount -> BigInt,
    }
}

diesel::table! {
    pending_transfers (id) {
        id -> Binary,
        account_id -> Binary,
        amount -> BigInt,
        idempotency_key -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    pending_ends (pending_id) {
        pending_id -> Binary,
        outcome -> Text,
        amount -> BigInt,
        entry_id -> Nullable<Binary>,
        ended_at -> BigInt,
    }
}

diesel::table! {
    pending_open (pending_id) {
        pending_id -> Binary,
        expires_at -> BigInt,
    }
}

diesel::table! {
    answers (asker, idempotency_key) {
        asker -> Text,
        idempotency_key -> Text,
        digest -> Binary,
        status -> Integer,
        body -> Binary,
        answered_at -> BigInt,
    }
}

diesel::table! {
    batches (arrival) {
        arrival -> BigInt,
        vehicle_id -> Binary,
        seq -> BigInt,
        hash -> Binary,
        prev_hash -> Binary,
        consent_version -> Integer,
        payload -> Binary,
        signature -> Binary,
        samples -> Integer,
        received_at -> BigInt,
        score -> Nullable<Integer>,
        sample_groups -> Integer,
        first_day -> Nullable<Integer>,
    }
}

diesel::table! {
    chains (vehicle_id) {
        vehicle_id -> Binary,
        last_seq -> BigInt,
        last_hash -> Binary,
        samples -> BigInt,
        updated_at -> BigInt,
        scored_samples -> BigInt,
        score_sum -> BigInt,
    }
}

diesel::table! {
    latest_values (vehicle_id, signal) {
        vehicle_id -> Binary,
        signal -> Integer,
        measured_at -> BigInt,
        value -> BigInt,
        unchanged_since -> BigInt,
    }
}

diesel::table! {
    batch_reasons (vehicle_id, seq, reason, signal) {
        vehicle_id -> Binary,
        seq -> BigInt,
        reason -> Text,
        signal -> Integer,
        sample_count -> BigInt,
        worst -> BigInt,
    }
}

diesel::table! {
    reason_totals (vehicle_id, reason, signal) {
        vehicle_id -> Binary,
        reason -> Text,
        signal -> Integer,
        sample_count -> BigInt,
        worst -> BigInt,
    }
}

diesel::table! {
    quarantine (vehicle_id, hash) {
        vehicle_id -> Binary,
        hash -> Binary,
        seq -> BigInt,
        prev_hash -> Binary,
        consent_version -> Integer,
        payload -> Binary,
        signature -> Binary,
        received_at -> BigInt,
    }
}

diesel::table! {
    quotes (id) {
        id -> Binary,
        buyer_id -> Binary,
        dataset_id -> Binary,
        signals -> Text,
        lake_version -> BigInt,
        row_count -> BigInt,
        price -> BigInt,
        created_at -> BigInt,
        expires_at -> BigInt,
        price_inputs -> Nullable<Text>,
        purpose -> Nullable<Text>,
        after_arrival -> BigInt,
    }
}

diesel::table! {
    quote_vehicles (quote_id, vehicle_id) {
        quote_id -> Binary,
        vehicle_id -> Binary,
        row_count -> BigInt,
    }
}

diesel::table! {
    orders (id) {
        id -> Binary,
        quote_id -> Binary,
        buyer_id -> Binary,
        idempotency_key -> Text,
        status -> Text,
        price -> BigInt,
        fee -> BigInt,
        paid_out -> BigInt,
        refunded -> BigInt,
        placed_at -> BigInt,
        deliver_by -> BigInt,
        settled_at -> Nullable<BigInt>,
        fee_basis_points -> Nullable<Integer>,
        licence_sha256 -> Nullable<Binary>,
    }
}

diesel::table! {
    payouts (order_id, vehicle_id) {
        order_id -> Binary,
        vehicle_id -> Binary,
        owner_id -> Binary,
        row_count -> BigInt,
        amount -> BigInt,
    }
}

diesel::table! {
    versions (order_id, number) {
        order_id -> Binary,
        number -> Integer,
        file -> Text,
        sha256 -> Binary,
        byte_count -> BigInt,
        row_count -> BigInt,
        delivered_at -> BigInt,
    }
}

diesel::table! {
    reads (id) {
        id -> Binary,
        order_id -> Binary,
        number -> Integer,
        read_at -> BigInt,
        byte_count -> BigInt,
    }
}

diesel::table! {
    epochs (number) {
        number -> Integer,
        size -> Integer,
        opened_at -> BigInt,
        closed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    tree_nodes (epoch, level, position) {
        epoch -> Integer,
        level -> Integer,
        position -> Integer,
        node -> Binary,
    }
}

diesel::table! {
    roots (epoch, size) {
        epoch -> Integer,
        size -> Integer,
        root -> Binary,
        published_at -> BigInt,
    }
}

diesel::table! {
    batch_leaves (vehicle_id, seq) {
        vehicle_id -> Binary,
        seq -> BigInt,
        epoch -> Integer,
        position -> Integer,
        day -> Integer,
        leaf_count -> Integer,
    }
}

diesel::table! {
    erasures (vehicle_id) {
        vehicle_id -> Binary,
        requested_at -> BigInt,
        finished_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    vehicle_days (vehicle_id, day) {
        vehicle_id -> Binary,
        day -> Integer,
        samples -> BigInt,
        score_sum -> BigInt,
        varied_signals -> Binary,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    owners,
    buyers,
    api_keys,
    vehicles,
    enrolment_codes,
    policies,
    accounts,
    seals,
    entries,
    postings,
    pending_transfers,
    pending_ends,
    pending_open,
    answers,
    batches,
    chains,
    latest_values,
    batch_reasons,
    reason_totals,
    quarantine,
    quotes,
    quote_vehicles,
    orders,
    payouts,
    versions,
    reads,
    epochs,
    tree_nodes,
    roots,
    batch_leaves,
    erasures,
    vehicle_days,
);
