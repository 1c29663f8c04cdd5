//! The templates under `deploy/`, filled in. A name that a template uses and nobody gives is an error.

use minijinja::{Environment, UndefinedBehavior};

/// A template that could not be filled in: a fault of ours, not of the host.
#[derive(Debug, thiserror::Error)]
#[error("cannot fill in the template deploy/{name}: {source}")]
pub struct TemplateError {
    name: &'static str,
    source: minijinja::Error,
}

/// Fills in the template `text`, which stands at deploy/`name`.
pub fn render(name: &'static str, text: &str, values: minijinja::Value) -> Result<String, TemplateError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_keep_trailing_newline(true);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.render_str(text, values).map_err(|source| TemplateError { name, source })
}
