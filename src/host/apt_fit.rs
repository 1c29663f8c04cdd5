//! Whether what a package depends on can be had from apt's sources, told before anything of it is installed.

use super::apt_get::apt_command;
use super::error::Error;

/// What to do about a package that does not fit.
const FIX: &str = "another version of the package may fit, or `apt-get update` may bring what is missing; nothing of it was installed";

/// An error where apt cannot satisfy `depends` (as a control file writes it) of the package `name`.
pub async fn check(name: &str, depends: &str) -> Result<(), Error> {
    if depends.trim().is_empty() {
        return Ok(());
    }
    let simulated = apt_command(["--simulate", "satisfy", depends].map(str::to_owned));
    let output = simulated.output().await?;
    if output.code == Some(0) {
        return Ok(());
    }
    Err(match lines(&output.stdout) {
        unmet if unmet.is_empty() => output.into_error(simulated.line()),
        unmet => misfit(name.to_owned(), unmet.iter().map(|(_, dependency)| dependency.as_str())),
    })
}

/// The error in what apt-get said about packages that cannot be installed; `None` when it is about something else.
pub(super) fn unmet(output: &str) -> Option<Error> {
    let lines = lines(output);
    let package = lines.first()?.0.clone();
    let of_package = lines.iter().filter(|(name, _)| *name == package);
    Some(misfit(package.clone(), of_package.map(|(_, dependency)| dependency.as_str())))
}

/// The error in what apt-get said about packages that no source has; `None` when it is about something else.
pub(super) fn unknown(errors: &str) -> Option<Error> {
    let name = |line: &str| {
        let rest = line.strip_prefix("E: ")?;
        let missing = rest
            .strip_prefix("Unable to locate package ")
            .or_else(|| rest.strip_prefix("Package '")?.strip_suffix("' has no installation candidate"));
        missing.map(|name| format!("`{name}`"))
    };
    let names: Vec<String> = errors.lines().filter_map(name).collect();
    (!names.is_empty()).then(|| {
        Error::Unexpected(format!(
            "no package source of apt's has {}\n\
             hint: correct the name where hams.toml has it (`odoo.packages`), or give apt the source that has it; nothing of it \
             was installed",
            names.join(", ")
        ))
    })
}

fn misfit<'a>(package: String, unmet: impl Iterator<Item = &'a str>) -> Error {
    Error::Misfit { package, unmet: unmet.collect::<Vec<_>>().join("; "), fix: FIX.into() }
}

/// Each package with a dependency of it that is not met: " odoo-19 : Depends: python3-x but it is not installable", the next
/// ones of the same package indented.
fn lines(output: &str) -> Vec<(String, String)> {
    let mut package = String::new();
    let mut found = Vec::new();
    for line in output.lines() {
        let Some(at) = line.find("Depends: ") else { continue };
        let (before, dependency) = (line[..at].trim(), &line[at + "Depends: ".len()..]);
        let name = before.trim_end_matches("Pre").trim().trim_end_matches(':').trim();
        if !name.is_empty() {
            package = name.to_owned();
        }
        found.push((package.clone(), dependency.trim().to_owned()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apts_words_name_package_and_dependency() {
        let said = "The following packages have unmet dependencies:\n \
            odoo-19 : Depends: python3-x but it is not installable\n           \
            Depends: python3-y (>= 4) but 3 is to be installed\n\
            E: Unable to correct problems, you have held broken packages.\n";
        let error = unmet(said).unwrap().to_string();
        assert!(
            error.starts_with(
                "the package `odoo-19` does not fit this Debian: python3-x but it is not installable; \
                 python3-y (>= 4) but 3 is to be installed\nhint: "
            ),
            "{error}"
        );
        let none = "E: Unable to locate package odoo-19\nE: Package 'x' has no installation candidate\n";
        assert!(unmet(none).is_none() && unknown(said).is_none());
        let error = unknown(none).unwrap().to_string();
        assert!(error.starts_with("no package source of apt's has `odoo-19`, `x`\nhint: "), "{error}");
    }
}
