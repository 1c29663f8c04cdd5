//! HTTP on the control socket: `GET /status`, `POST /sync`. Who may open the socket is decided by its folder's mode.

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::Arc;

use axum::body::Bytes;
use axum::routing::{get, post};
use axum::{Json, Router};
use tokio::net::UnixListener;

use super::status::Status;
use super::sync_orders::{self, Orders};

/// Gives the present status.
pub(super) type Present = Arc<dyn Fn() -> Status + Send + Sync>;

/// Listens at `path`; a socket that an agent left there is removed, anything else is not.
pub(super) fn listen(path: &Path) -> io::Result<UnixListener> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => std::fs::remove_file(path)?,
        Ok(_) => return Err(io::Error::other("there is something that is no socket")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    UnixListener::bind(path)
}

/// Answers until the agent ends.
pub(super) async fn serve(listener: UnixListener, present: Present, orders: Orders) -> io::Result<()> {
    let status = get(move || {
        let present = Arc::clone(&present);
        async move { Json(present()) }
    });
    let sync = post(move |body: Bytes| sync_orders::answer(orders.clone(), body));
    axum::serve(listener, Router::new().route("/status", status).route("/sync", sync)).await
}
