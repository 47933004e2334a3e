//! Subscriptions: a buyer has what comes in delivered, period after period, from tokens that he put aside.
//!
//! Each period that brought rows becomes an order like any other: quoted by the price rule, licensed, delivered in time or paid
//! back. What a period can not buy, because too few vehicles take part or the tokens do not reach, waits for the next.
//!
//! Owns the tables `subscriptions`, `top_ups` and `subscription_orders`.
//!
//! **Invariant:** no row is ordered twice by one subscription, and none is left out that could be sold when its time came. A
//! subscription spends what was put into it and nothing else; what is left when it is closed goes back.
//!
//! **Not here:** prices, licences and refunds ([`crate::trade`]).

mod audit;
mod draw;
mod error;
mod queries;
mod verbs;

pub use audit::audit;
pub use draw::{Drawn, Period, draw, due};
pub use error::SubscriptionsError;
pub use verbs::{
    Subscription, SubscriptionId, WaitsFor, Wanted, balance, close, orders, subscribe,
    subscription, subscriptions, top_up,
};
