//! The rules of deploy/odoo/repair.toml: what the control file of Odoo's package must say otherwise on a Debian release.

use serde::Deserialize;

const RULES: &str = include_str!("../../deploy/odoo/repair.toml");

/// The rules of one release.
#[derive(Debug, Clone)]
pub struct Rules {
    version: u32,
    rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    rule: Vec<Rule>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    release: Vec<String>,
    /// The package that it is about; without this any.
    package: Option<String>,
    drop: Option<String>,
    replace: Option<String>,
    by: Option<String>,
    why: String,
}

impl Rule {
    /// The package whose dependency it is about.
    fn name(&self) -> &str {
        self.drop.as_deref().or(self.replace.as_deref()).unwrap_or_default()
    }

    fn words(&self) -> String {
        match (&self.drop, &self.replace, &self.by) {
            (Some(name), ..) => format!("Depends: drop {name}: {}", self.why),
            (_, Some(name), Some(by)) => format!("Depends: {by} for {name}: {}", self.why),
            _ => self.why.clone(),
        }
    }
}

/// A control file, repaired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// The whole file.
    pub control: String,
    /// What was changed, in words; empty when nothing was.
    pub changes: Vec<String>,
}

impl Rules {
    /// The rules that count for `package` on the Debian of that VERSION_ID.
    pub fn of(release: &str, package: &str) -> Result<Self, String> {
        let file: File =
            toml::from_str(RULES).map_err(|error| format!("deploy/odoo/repair.toml: {error}"))?;
        let counts = |rule: &Rule| {
            let is_of_package = rule.package.as_deref().is_none_or(|name| name == package);
            is_of_package && rule.release.iter().any(|name| name == release)
        };
        let rules = file.rule.into_iter().filter(counts);
        Ok(Self { version: file.version, rules: rules.collect() })
    }

    /// Each rule, in words.
    pub fn words(&self) -> Vec<String> {
        self.rules.iter().map(|rule| format!("{} (where it asks for it)", rule.words())).collect()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The version of the list.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The control file as it must be, under a version of its own where something changes.
    pub fn repair(&self, control: &str) -> Repaired {
        let depends = field(control, "Depends").unwrap_or_default();
        let mut changes = Vec::new();
        let mut groups: Vec<String> = Vec::new();
        for group in depends.split(',').map(str::trim).filter(|group| !group.is_empty()) {
            let Some(rule) = self.rules.iter().find(|rule| rule.name() == name_of(group)) else {
                groups.push(group.to_owned());
                continue;
            };
            let wanted = rule.by.clone().filter(|by| by != group);
            if rule.drop.is_none() && wanted.is_none() {
                groups.push(group.to_owned());
                continue;
            }
            changes.push(rule.words());
            groups.extend(wanted.filter(|by| !groups.contains(by)));
        }
        if changes.is_empty() {
            return Repaired { control: control.to_owned(), changes };
        }
        let version = field(control, "Version").unwrap_or_default();
        let control = with_field(control, "Depends", &groups.join(", "));
        let control = with_field(&control, "Version", &format!("{version}+hams{}", self.version));
        Repaired { control, changes }
    }
}

/// The package's name in a dependency: "python3-x" of "python3-x:any (>= 4)".
fn name_of(group: &str) -> &str {
    group.split([' ', ':', '(', '|']).next().unwrap_or_default()
}

/// The value of a field, its lines joined.
pub fn field(control: &str, name: &str) -> Option<String> {
    let mut value: Option<String> = None;
    for line in control.lines() {
        match (&mut value, line.split_once(':')) {
            (Some(value), _) if line.starts_with([' ', '\t']) => {
                value.push(' ');
                value.push_str(line.trim());
            }
            (Some(_), _) => break,
            (None, Some((key, first))) if key.eq_ignore_ascii_case(name) => {
                value = Some(first.trim().to_owned());
            }
            (None, _) => {}
        }
    }
    value
}

fn with_field(control: &str, name: &str, value: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for line in control.lines() {
        if inside && line.starts_with([' ', '\t']) {
            continue;
        }
        inside = line.split_once(':').is_some_and(|(key, _)| key.eq_ignore_ascii_case(name));
        if inside {
            text.push_str(&format!("{name}: {value}\n"));
        } else {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTROL: &str = "Package: odoo-19\nVersion: 19.0.0+dfsg-1\nDepends: python3-lxml-html-clean, python3-pytz,\n \
        python3-reportlab (>= 4.0.4-1~), python3:any, fonts-montserrat, adduser\nDescription: x\n Depends: y\n";

    #[test]
    fn debian_12_has_its_changes_and_nothing_else_is_touched() {
        let repaired = Rules::of("12", "odoo-19").unwrap().repair(CONTROL);
        assert_eq!(
            repaired.control,
            "Package: odoo-19\nVersion: 19.0.0+dfsg-1+hams1\nDepends: python3-tz, python3-reportlab (>= 3.6.12), \
             python3:any, adduser\nDescription: x\n Depends: y\n"
        );
        assert_eq!(repaired.changes.len(), 4, "{:?}", repaired.changes);
        assert!(repaired.changes[0].starts_with("Depends: drop python3-lxml-html-clean: "));
    }

    #[test]
    fn debian_13_takes_it_as_it_is() {
        let repaired = Rules::of("13", "odoo").unwrap().repair(CONTROL);
        assert_eq!(repaired, Repaired { control: CONTROL.into(), changes: Vec::new() });
        let nightly = "Package: odoo\nVersion: 19.0.20261120\nDepends: python3-pypdf2\n";
        assert!(
            Rules::of("13", "odoo").unwrap().repair(nightly).control.contains("Depends: python3-pypdf\n")
        );
    }

    #[test]
    fn the_package_of_unstable_needs_none_on_debian_13() {
        assert!(
            Rules::of("13", "odoo-19").unwrap().is_empty() && !Rules::of("12", "odoo-19").unwrap().is_empty()
        );
    }

    #[test]
    fn every_rule_drops_or_replaces() {
        for release in ["12", "13"] {
            for rule in Rules::of(release, "odoo").unwrap().rules {
                assert_eq!(rule.drop.is_some(), rule.replace.is_none() && rule.by.is_none(), "{rule:?}");
                assert_eq!(rule.replace.is_some(), rule.by.is_some(), "{rule:?}");
            }
        }
    }
}
