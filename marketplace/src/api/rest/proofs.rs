//! What every page about proofs says besides its content: under which keys, and what no proof says.

use serde::Serialize;
use zk::text::{DEVELOPMENT_KEYS, NOT_PROVEN};

use crate::app::App;

/// A page about proofs.
#[derive(Serialize)]
pub(super) struct Page<T> {
    #[serde(flatten)]
    content: T,
    /// True when anyone can forge.
    development_keys: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<&'static str>,
    not_proven: &'static str,
}

/// Whether proofs are taken under keys with which anyone can forge.
pub(super) fn forgeable(app: &App) -> bool {
    app.keys.as_ref().is_some_and(|keys| keys.are_for_development())
}

impl<T> Page<T> {
    pub(super) fn of(app: &App, content: T) -> Self {
        let development_keys = forgeable(app);
        let warning = development_keys.then_some(DEVELOPMENT_KEYS);
        Self { content, development_keys, warning, not_proven: NOT_PROVEN }
    }
}
