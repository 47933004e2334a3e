//! SQL over the samples that a caller may read, and over what an owner knows of his vehicles.
//!
//! **Invariant:** a buyer's read of what was delivered to him is noted for its owners before it
//! begins, as a download is.

use actix_web::{HttpResponse, post, web};
use serde::ser::SerializeSeq as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::json;

use crate::api::auth::Asker;
use crate::api::problem::Problem;
use crate::app::App;
use crate::delivery::{self, DeliveryError, ReadId, Version};
use crate::identity::Buyer;
use crate::questions::sql::{self, Permitted, Table, Value};
use crate::trade::OrderId;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    sql: String,
    /// Of these orders; of all when it is left out. For buyers.
    orders: Option<Vec<String>>,
}

#[derive(Serialize)]
struct ColumnView {
    name: String,
    r#type: &'static str,
}

/// A row, as a list.
struct RowView(Vec<Value>);

impl Serialize for RowView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for value in &self.0 {
            match value {
                Value::Null => list.serialize_element(&()),
                Value::Boolean(value) => list.serialize_element(value),
                Value::Integer(value) => list.serialize_element(value),
                Value::Count(value) => list.serialize_element(value),
                Value::Number(value) => list.serialize_element(value),
                Value::Text(value) => list.serialize_element(value),
            }?;
        }
        list.end()
    }
}

/// Answers one SELECT over the table `samples`, and an owner also over `latest` and `vehicles`.
#[post("/v1/sql")]
pub(super) async fn answer(
    app: web::Data<App>,
    asker: Asker,
    body: web::Json<Asked>,
) -> Result<HttpResponse, Problem> {
    let Asked { sql: text, orders } = body.into_inner();
    let (permitted, bought) = permitted(&app, asker, orders).await?;
    let source = app.source();
    let prepare = async move { sql::prepare(&source, permitted, &text).await };
    let statement = app.questions.answer(prepare).await?;
    if statement.reads() {
        note(&app, bought).await?;
    }
    let Table { columns, rows } = app.questions.answer(statement.run()).await?;
    let columns = columns.into_iter().map(|(name, r#type)| ColumnView { name, r#type });
    let rows: Vec<RowView> = rows.into_iter().map(RowView).collect();
    let columns: Vec<ColumnView> = columns.collect();
    Ok(HttpResponse::Ok().json(json!({ "columns": columns, "rows": rows })))
}

/// What the caller may read, and the versions in it that he bought.
async fn permitted(
    app: &App,
    asker: Asker,
    orders: Option<Vec<String>>,
) -> Result<(Permitted, Vec<Version>), Problem> {
    match asker {
        Asker::Owner(_) if orders.is_some() => {
            Err(Problem::invalid("an owner has no `orders`; `samples` has his vehicles"))
        }
        Asker::Owner(owner) => Ok((Permitted::own(&app.source(), owner).await?, Vec::new())),
        Asker::Buyer(buyer) => {
            let versions = bought(app, buyer, orders).await?;
            let folder = app.config.deliveries_dir();
            let files = versions.iter().map(|version| folder.join(&version.file)).collect();
            Ok((Permitted::Bought(files), versions))
        }
    }
}

async fn bought(
    app: &App,
    buyer: Buyer,
    orders: Option<Vec<String>>,
) -> Result<Vec<Version>, Problem> {
    let ids = orders.map(|orders| orders.iter().map(|id| OrderId::parse(id)).collect());
    let ids: Option<Vec<OrderId>> = ids.transpose()?;
    let find = move |conn: &mut _| delivery::bought(conn, &buyer, ids.as_deref());
    Ok(app.db.read::<_, DeliveryError, _>(find).await?)
}

/// Notes that these versions are read, whole: which rows a statement will need is not known before.
async fn note(app: &App, versions: Vec<Version>) -> Result<(), Problem> {
    let now = app.clock.now();
    let reads: Vec<(ReadId, Version)> =
        versions.into_iter().map(|version| (ReadId::new(now, rand::random()), version)).collect();
    if reads.is_empty() {
        return Ok(());
    }
    let note = move |conn: &mut _| {
        let mut each = reads.iter();
        each.try_for_each(|(id, read)| delivery::record_read(conn, *id, read, read.bytes, now))
    };
    Ok(app.db.write::<_, DeliveryError, _>(note).await?)
}
