//! A window that is not full yet.

use serde::{Deserialize, Serialize};
use telematics::window::Window;

/// Values at consecutive instants of a grid, fewer than a window has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OpenWindow<V> {
    started_at: i64,
    values: Vec<V>,
}

impl<V> Default for OpenWindow<V> {
    fn default() -> Self {
        Self { started_at: 0, values: Vec::new() }
    }
}

impl<V: Copy> OpenWindow<V> {
    /// Adds the value at `instant`. When it is the last, gives the window and begins the next.
    pub(super) fn push(&mut self, instant: i64, value: V) -> Option<(i64, [V; Window::LENGTH])> {
        if self.values.is_empty() {
            self.started_at = instant;
        }
        self.values.push(value);
        let full = self.values.as_slice().try_into().ok()?;
        self.values.clear();
        Some((self.started_at, full))
    }

    /// Forgets what there is.
    pub(super) fn clear(&mut self) {
        self.values.clear();
    }
}
