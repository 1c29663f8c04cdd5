//! Secrets of the agent that others write and replace when they like, as Odoo does with its key: systemd hands each to the agent
//! at its start, and a path unit starts the agent anew when one of the files has changed.

use super::environment::in_url;
use super::odoo;
use super::part::PartError;
use super::template::render;
use crate::config::{Component, Config};
use crate::host::file::File;
use crate::host::unit::Unit;
use crate::plan::Step;
use minijinja::context;
use serde::Serialize;

const PATH_UNIT: &str = "hams-agent-key.path";
const FOLDER: &str = "/etc/systemd/system";

/// A secret that is not ours to write.
#[derive(Serialize)]
pub(super) struct OperatorsFile {
    /// What the agent knows it by.
    pub(super) credential: &'static str,
    /// The file.
    pub(super) path: String,
}

/// Where Odoo is read, and with what.
pub(super) struct KeyFile {
    /// Odoo's address, without a path.
    pub(super) url: String,
    /// The file.
    pub(super) path: String,
}

impl KeyFile {
    /// `None`: the node knows no Odoo.
    pub(super) fn of(config: &Config) -> Option<Self> {
        let host = match &config.odoo.host {
            Some(host) => host.as_str(),
            None if config.has(Component::Odoo) => "127.0.0.1",
            None => return None,
        };
        let url = format!("http://{}:{}", in_url(host), odoo::PORTS[0]);
        Some(Self { url, path: config.odoo.key_file.display().to_string() })
    }
}

/// The steps of `component` that have the agent take up what is new in one of the files.
pub(super) fn watch(component: &'static str, files: &[OperatorsFile]) -> Result<Vec<Step>, PartError> {
    let service = "hams-agent-key.service";
    let [path_file, service_file] = [PATH_UNIT, service].map(|unit| format!("{FOLDER}/{unit}"));
    let text = render(
        "agent/hams-agent-key.path.j2",
        include_str!("../../deploy/agent/hams-agent-key.path.j2"),
        context! { files => files },
    )?;
    let none: [String; 0] = [];
    let after = [File::id_of(&path_file), File::id_of(&service_file)];
    let started = include_str!("../../deploy/agent/hams-agent-key.service");
    Ok(vec![
        Step::new(component, File::new(&path_file, text), none.clone()),
        Step::new(component, File::new(&service_file, started), none),
        Step::new(component, Unit::new(PATH_UNIT, &[&path_file]), after),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Overrides, load};

    fn url(components: &str, more: &str) -> Option<String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = format!("domain = \"hams.test\"\ncomponents = [{components}]\n{more}");
        std::fs::write(file.path(), text).unwrap();
        KeyFile::of(&load(file.path(), true, &Overrides::default()).unwrap()).map(|key| key.url)
    }

    #[test]
    fn odoo_is_here_elsewhere_or_unknown() {
        assert_eq!(url("\"postgresql\", \"odoo\"", "").as_deref(), Some("http://127.0.0.1:8069"));
        let there = url("\"agent\"", "[odoo]\nhost = \"erp.example.org\"\n");
        assert_eq!(there.as_deref(), Some("http://erp.example.org:8069"));
        let there = url("\"agent\"", "[odoo]\nhost = \"2001:db8::1\"\n");
        assert_eq!(there.as_deref(), Some("http://[2001:db8::1]:8069"));
        assert_eq!(url("\"powerdns\", \"agent\"", ""), None);
    }
}
