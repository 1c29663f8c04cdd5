//! The webhook: a POST to the operator's URL.

use std::sync::Arc;

use super::hooks_deliver::Carrier;
use super::hooks_http::Http;
use crate::host::BoxFuture;
use crate::secrets::HookUrl;

/// The receiver.
pub(super) struct Webhook {
    pub(super) http: Arc<Http>,
    pub(super) url: HookUrl,
}

impl Carrier for Webhook {
    fn carry(&self, message: String) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(self.http.send(&self.url, Some(message)))
    }
}
