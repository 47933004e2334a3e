//! A real S3 server on a free port, over a folder: `s3s-fs`, behind what S3 promises and it does not.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::IF_NONE_MATCH;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpError};
use s3s_fs::FileSystem;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::Mutex;

/// Who may come in.
pub(crate) const KEY: &str = "AXLEMARKET";
/// The secret of [`KEY`].
pub(crate) const SECRET: &str = "a secret of tests";
/// The only bucket.
pub(crate) const BUCKET: &str = "axle";

/// Where a table has its commits.
const LOG: &str = "_delta_log";

/// What the server does when it is told to put an object only where none is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conditions {
    /// It refuses when one is there, as S3 does.
    Honoured,
    /// It overwrites, as older stores do.
    Ignored,
    /// It overwrites commits, and honours what a market tries at the start.
    IgnoredInTheLog,
}

/// Runs until it is dropped, on threads of its own: whoever talks to it may block.
pub(crate) struct Server {
    pub(crate) endpoint: String,
    folder: tempfile::TempDir,
    runtime: Option<Runtime>,
}

impl Server {
    pub(crate) fn start(conditions: Conditions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let mut service = S3ServiceBuilder::new(FileSystem::new(folder.path()).unwrap());
        service.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let door = Door {
            service: service.build(),
            folder: folder.path().to_owned(),
            conditions,
            one_by_one: Arc::default(),
        };
        runtime.spawn(door.serve(listener));
        Self { endpoint, folder, runtime: Some(runtime) }
    }

    /// What a process needs to know of it.
    pub(crate) fn variables(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_ENDPOINT_URL", self.endpoint.clone()),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_REGION", "eu-central-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
        ]
    }

    /// Where its objects are files.
    pub(crate) fn bucket(&self) -> PathBuf {
        self.folder.path().join(BUCKET)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A runtime may not wait for itself inside another one.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[derive(Clone)]
struct Door {
    service: S3Service,
    folder: PathBuf,
    conditions: Conditions,
    /// `s3s-fs` looks whether an object is there and then writes it: two could write. S3 lets one.
    one_by_one: Arc<Mutex<()>>,
}

impl Door {
    async fn serve(self, listener: TcpListener) {
        loop {
            let Ok((socket, _)) = listener.accept().await else { continue };
            let door = self.clone();
            let answer = service_fn(move |request| {
                let door = door.clone();
                async move { door.answer(request).await }
            });
            tokio::spawn(async move {
                let connections = Builder::new(TokioExecutor::new());
                // A client that goes away is no failure.
                connections.serve_connection(TokioIo::new(socket), answer).await.ok();
            });
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, HttpError> {
        let object = self.folder.join(request.uri().path().trim_start_matches('/'));
        let is_put = request.method() == Method::PUT;
        // It would make a bucket of any name.
        if is_put && !self.bucket_of(&object).is_dir() {
            return Ok(no_such_bucket());
        }
        if !is_put || !request.headers().contains_key(IF_NONE_MATCH) {
            return self.service.call(request.map(Body::from)).await;
        }
        let _alone = self.one_by_one.lock().await;
        let overwrites = match self.conditions {
            Conditions::Honoured => false,
            Conditions::Ignored => true,
            Conditions::IgnoredInTheLog => object.components().any(|part| part.as_os_str() == LOG),
        };
        if overwrites {
            // Then there is nothing that the condition could be about.
            std::fs::remove_file(&object).ok();
        }
        self.service.call(request.map(Body::from)).await
    }

    fn bucket_of(&self, object: &Path) -> PathBuf {
        let inside = object.strip_prefix(&self.folder).unwrap();
        self.folder.join(inside.components().next().unwrap())
    }
}

fn no_such_bucket() -> Response<Body> {
    let error = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>NoSuchBucket</Code>\
                 <Message>The specified bucket does not exist</Message></Error>";
    let mut response = Response::new(Body::from(error.to_owned()));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}
