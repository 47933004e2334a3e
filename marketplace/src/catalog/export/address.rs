//! Where a market is reached: the beginning of every address in an exported listing.
//!
//! **Invariant:** an [`Address`] is `http` or `https`, a host and perhaps a port, and nothing else.

use std::fmt;

use url::{Origin, Url};

/// Where a market is reached, such as `https://market.example`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(Origin);

/// Text that is no address of a market.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not the address of a market; send a `Host` such as market.example:8080")]
pub struct NotAnAddress {
    text: String,
}

impl Address {
    /// The address of `host`, with or without a port, by `scheme`.
    ///
    /// # Errors
    /// Refuses other schemes than `http` and `https`, and a host that has more in it than a host and a port.
    pub fn new(scheme: &str, host: &str) -> Result<Self, NotAnAddress> {
        let text = format!("{scheme}://{host}");
        let is_web = |url: &Url| matches!(url.scheme(), "http" | "https");
        // Whatever is not part of the origin makes a longer text: a path, a query, a name before an `@`.
        let is_bare =
            |url: &Url| url.as_str() == format!("{}/", url.origin().ascii_serialization());
        match Url::parse(&text) {
            Ok(url) if is_web(&url) && is_bare(&url) => Ok(Self(url.origin())),
            _ => Err(NotAnAddress { text }),
        }
    }

    /// The address of `path` there.
    pub(super) fn of(&self, path: &str) -> String {
        format!("{self}/{path}")
    }

    /// The host's name, which is the only name that a market is sure to have.
    pub(super) fn host(&self) -> String {
        match &self.0 {
            Origin::Tuple(_, host, _) => host.to_string(),
            Origin::Opaque(_) => String::new(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.ascii_serialization())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_nothing_behind_it() {
        let address = Address::new("https", "Market.example:8443").unwrap();

        assert_eq!(address.of("v1/rules"), "https://market.example:8443/v1/rules");
        assert_eq!(address.host(), "market.example");
        assert_eq!(Address::new("http", "[::1]:80").unwrap().to_string(), "http://[::1]");
        for (scheme, host) in [
            ("ftp", "market.example"),
            ("http", ""),
            ("http", "a b"),
            ("http", "market.example/elsewhere"),
            ("http", "market.example?x"),
            ("http", "name@market.example"),
            ("http", "market.example\"><"),
        ] {
            assert!(Address::new(scheme, host).is_err(), "{scheme} {host}");
        }
    }
}
