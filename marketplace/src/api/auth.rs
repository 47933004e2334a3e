//! Who calls the REST API: the holder of a bearer key, as an [`Owner`], a [`Buyer`] or an
//! [`Operator`].
//!
//! **Invariant:** a handler that takes one of these can not be reached without a key of that role:
//! actix makes the argument before it calls the handler, and only this file makes it.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};

use super::problem::Problem;
use crate::app::App;
use crate::identity::{self, ApiKey, Buyer, Operator, Owner, Principal};

/// What actix waits for while a key is looked up.
type Lookup<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

impl FromRequest for Owner {
    type Error = Problem;
    type Future = Lookup<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        in_role(request, "an owner", |caller| match caller {
            Principal::Owner(owner) => Some(owner),
            _ => None,
        })
    }
}

impl FromRequest for Buyer {
    type Error = Problem;
    type Future = Lookup<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        in_role(request, "a buyer", |caller| match caller {
            Principal::Buyer(buyer) => Some(buyer),
            _ => None,
        })
    }
}

/// Whoever may ask in SQL about samples: an owner about his own, a buyer about what he bought.
#[derive(Clone, Copy, Debug)]
pub enum Asker {
    /// Asks about his vehicles.
    Owner(Owner),
    /// Asks about what was delivered to him.
    Buyer(Buyer),
}

impl FromRequest for Asker {
    type Error = Problem;
    type Future = Lookup<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        in_role(request, "an owner or a buyer", |caller| match caller {
            Principal::Owner(owner) => Some(Self::Owner(owner)),
            Principal::Buyer(buyer) => Some(Self::Buyer(buyer)),
            Principal::Operator(_) => None,
        })
    }
}

impl FromRequest for Operator {
    type Error = Problem;
    type Future = Lookup<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        in_role(request, "an operator", |caller| match caller {
            Principal::Operator(operator) => Some(operator),
            _ => None,
        })
    }
}

/// For the few handlers that answer everybody who has a key.
impl FromRequest for Principal {
    type Error = Problem;
    type Future = Lookup<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        Box::pin(principal(request))
    }
}

/// The caller, if `pick` finds him in the role that the handler needs.
fn in_role<T: 'static>(
    request: &HttpRequest,
    role: &'static str,
    pick: fn(Principal) -> Option<T>,
) -> Lookup<T> {
    let principal = principal(request);
    Box::pin(async move { pick(principal.await?).ok_or_else(|| Problem::forbidden(role)) })
}

/// Whoever the key in `request` belongs to.
fn principal(request: &HttpRequest) -> impl Future<Output = Result<Principal, Problem>> + use<> {
    let app = request.app_data::<web::Data<App>>().cloned();
    let key = bearer(request);
    async move {
        let (Some(app), Some(key)) = (app, key) else { return Err(Problem::unauthenticated()) };
        let found = app.db.read(move |conn| identity::authenticate(conn, &key)).await?;
        found.ok_or_else(Problem::unauthenticated)
    }
}

fn bearer(request: &HttpRequest) -> Option<ApiKey> {
    let header = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    ApiKey::of_bearer(header)
}

#[cfg(test)]
mod tests {
    use actix_web::ResponseError as _;
    use actix_web::test::TestRequest;
    use telematics::testing::T0;
    use telematics::{BuyerId, OwnerId};

    use super::*;
    use crate::config::Config;
    use crate::identity::IdentityError;

    /// A market with an operator (key 1), an owner (key 2) and a buyer (key 3).
    async fn market() -> (tempfile::TempDir, App) {
        let folder = tempfile::tempdir().unwrap();
        let app = App::open(Config::of_test(folder.path())).await.unwrap();
        app.db
            .write::<_, IdentityError, _>(|conn| {
                let operator = identity::create_operator(conn, &ApiKey::new([1; 32]), T0)?;
                let owner = (OwnerId::new(T0, [1; 10]), ApiKey::new([2; 32]));
                identity::create_owner(conn, &operator, "Ada", owner.0, &owner.1, T0)?;
                let buyer = (BuyerId::new(T0, [1; 10]), ApiKey::new([3; 32]));
                identity::create_buyer(conn, &operator, "Acme", buyer.0, &buyer.1, T0)
            })
            .await
            .unwrap();
        (folder, app)
    }

    /// The status that a handler for `T` answers to a caller with this header; 200 when it lets in.
    async fn status<T: FromRequest<Error = Problem>>(app: &App, authorization: &str) -> u16 {
        let request = TestRequest::default()
            .app_data(web::Data::new(app.clone()))
            .insert_header((header::AUTHORIZATION, authorization))
            .to_http_request();
        match T::from_request(&request, &mut Payload::None).await {
            Ok(_) => 200,
            Err(error) => error.error_response().status().as_u16(),
        }
    }

    #[tokio::test]
    async fn each_role_lets_in_its_own_keys_only() {
        let (_folder, app) = market().await;
        let key = |byte: u8| format!("Bearer {}", ApiKey::new([byte; 32]).reveal());
        #[rustfmt::skip] // a table is read by column
        let cases = [
            // name          header               operator owner buyer asker
            ("operator",     key(1),                   [200, 403, 403, 403]),
            ("owner",        key(2),                   [403, 200, 403, 200]),
            ("buyer",        key(3),                   [403, 403, 200, 200]),
            ("unknown key",  key(4),                   [401, 401, 401, 401]),
            ("no key",       "Bearer".to_owned(),      [401, 401, 401, 401]),
            ("not a key",    "Bearer abc".to_owned(),  [401, 401, 401, 401]),
            ("other scheme", key(1).replace("Bearer", "Basic"), [401, 401, 401, 401]),
        ];
        for (name, header, expected) in cases {
            let found = [
                status::<Operator>(&app, &header).await,
                status::<Owner>(&app, &header).await,
                status::<Buyer>(&app, &header).await,
                status::<Asker>(&app, &header).await,
            ];
            assert_eq!(found, expected, "{name}");
        }
    }
}
