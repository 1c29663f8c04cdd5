//! The templates under `deploy/`, filled in. A name that a template uses and nobody gives is an error.

use minijinja::{AutoEscape, Environment, UndefinedBehavior};

/// A template that could not be filled in: a fault of ours, not of the host.
#[derive(Debug, thiserror::Error)]
#[error("cannot fill in the template deploy/{name}: {source}")]
pub struct TemplateError {
    name: &'static str,
    source: minijinja::Error,
}

/// Fills in the template `text`, which stands at deploy/`name`.
pub fn render(name: &'static str, text: &str, values: minijinja::Value) -> Result<String, TemplateError> {
    fill(name, text, values, AutoEscape::None)
}

/// The same for a page: values are text, whatever stands in them, unless the template calls them safe.
pub fn render_html(
    name: &'static str,
    text: &str,
    values: minijinja::Value,
) -> Result<String, TemplateError> {
    fill(name, text, values, AutoEscape::Html)
}

fn fill(
    name: &'static str,
    text: &str,
    values: minijinja::Value,
    escape: AutoEscape,
) -> Result<String, TemplateError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_keep_trailing_newline(true);
    environment.set_auto_escape_callback(move |_| escape);
    environment.render_str(text, values).map_err(|source| TemplateError { name, source })
}
