//! The market through its public doors: the real router, a real database and a real lake.

mod market_access;
mod market_purchase;
mod market_refusals;
mod market_support;
