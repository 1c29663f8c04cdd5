//! `POST /sync` on the control socket: an operator's order goes to the sync, and what becomes of it comes back, a JSON
//! object a line, as it happens.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::sync::{SyncLine, SyncOrder, SyncRequest};

/// Where orders go: one may wait while the sync is at work for another.
pub(super) type Orders = mpsc::Sender<SyncOrder>;

/// Answers one request.
pub(super) async fn answer(orders: Orders, body: Bytes) -> Response {
    let request: SyncRequest = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(error) => return refusal(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let (order, lines) = match SyncOrder::new(&request) {
        Ok(made) => made,
        Err(error) => return refusal(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    match orders.try_send(order) {
        Ok(()) => {
            let body = Body::from_stream(futures_util::stream::unfold(lines, next));
            ([(header::CONTENT_TYPE, "application/jsonl")], body).into_response()
        }
        Err(TrySendError::Full(_)) => {
            refusal(StatusCode::SERVICE_UNAVAILABLE, "another sync is waiting already")
        }
        Err(TrySendError::Closed(_)) => refusal(StatusCode::SERVICE_UNAVAILABLE, "the agent is stopping"),
    }
}

async fn next(
    mut lines: mpsc::Receiver<SyncLine>,
) -> Option<(Result<String, serde_json::Error>, mpsc::Receiver<SyncLine>)> {
    let line = lines.recv().await?;
    Some((serde_json::to_string(&line).map(|text| text + "\n"), lines))
}

/// No, as JSON.
pub(super) fn refusal(status: StatusCode, words: &str) -> Response {
    (status, Json(json!({ "error": words }))).into_response()
}
