//! Taking the secrets of another deployment over into the vault.

use crate::secrets::admin_password::{self, admin_password_hash};
use crate::secrets::env_file::EnvFile;
use crate::secrets::error::SecretsError;
use crate::secrets::known::{self, SpecKind};
use crate::secrets::secret::Secret;
use crate::secrets::vault::Vault;

/// What an env file has for a vault. Touches nothing.
pub struct Import {
    /// Secrets that the vault does not have yet.
    pub new: Vec<&'static str>,
    /// Secrets of which the vault has another value.
    pub other: Vec<&'static str>,
    /// Secrets of which the vault has this value.
    pub same: Vec<&'static str>,
    /// Names that this version makes by itself (salts) or does not know.
    pub left_out: Vec<String>,
    values: Vec<(&'static str, Secret)>,
}

impl Import {
    /// Compares `file` with `vault`. A known secret that is empty, `none` or not fit for its use is an error.
    pub fn of(file: &EnvFile, vault: &Vault) -> Result<Self, SecretsError> {
        let mut import = Self { new: vec![], other: vec![], same: vec![], left_out: vec![], values: vec![] };
        for assignment in file.assignments() {
            let Some(spec) = known::find(&assignment.name).filter(|spec| !spec.is_salt()) else {
                import.left_out.push(assignment.name.clone());
                continue;
            };
            let given = file.value(assignment)?;
            let refused = |problem: &str, fix: &str| {
                file.refused(assignment.line, (format!("`{}` {problem}", spec.name), fix.to_owned()))
            };
            check(spec.kind, given.expose()).map_err(|(problem, fix)| refused(problem, fix))?;
            let kept = vault.get(spec.name).filter(|kept| !kept.is_empty());
            let value = match spec.kind {
                SpecKind::GivenHash { .. } => admin_password_hash(given, kept)?,
                SpecKind::Password | SpecKind::Salt { .. } => given.clone(),
            };
            match kept {
                None => import.new.push(spec.name),
                Some(kept) if *kept == value => import.same.push(spec.name),
                Some(_) => import.other.push(spec.name),
            }
            import.values.push((spec.name, value));
        }
        Ok(import)
    }

    /// Puts what is new into `vault`, with `replace` also what is another value there; salts of what changes are new.
    pub fn put_into(&self, vault: &mut Vault, replace: bool) -> Result<(), SecretsError> {
        let is_wanted = |name: &&str| self.new.contains(name) || (replace && self.other.contains(name));
        for (name, value) in self.values.iter().filter(|(name, _)| is_wanted(name)) {
            vault.replace(name, value.clone())?;
        }
        Ok(())
    }
}

fn check(kind: SpecKind, given: &str) -> Result<(), admin_password::Fault> {
    const FIX: &str =
        "give the real value, or remove the line, so that `hams-install` makes one where it can";
    match kind {
        _ if given.is_empty() => Err(("is empty", FIX)),
        _ if given.eq_ignore_ascii_case("none") => Err(("is the word `none`, which is no secret", FIX)),
        SpecKind::GivenHash { .. } => admin_password::check(given),
        _ if given.chars().any(char::is_control) => {
            Err(("has a line break or another control character in it", "give a value of one line"))
        }
        SpecKind::Password | SpecKind::Salt { .. } => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn vault(text: &str) -> Vault {
        Vault::parse(text, Path::new("/etc/hams/secrets.env")).unwrap()
    }

    fn import(text: &str, vault: &Vault) -> Result<Import, String> {
        let file = EnvFile::parse(text, Path::new("deploy/.env")).map_err(|error| error.to_string())?;
        Import::of(&file, vault).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_new_comes_what_is_other_only_when_asked() {
        let mut vault = vault("");
        vault.generate_missing().unwrap();
        vault.set("HAMS_AGENT_RMQ_PASS", Secret::new("")).unwrap();
        let before = vault.clone();
        let same = before.get("PDNS_API_KEY").unwrap().expose();
        let text = format!(
            "DOMAIN=hams.com\nURL=http://$HOST\nRMQ_PASS='theirs $1'\nRMQ_PASS_SALT=00000000\n\
             PDNS_API_KEY={same}\nHAMS_AGENT_RMQ_PASS=given\n"
        );
        let found = import(&text, &vault).unwrap();
        assert_eq!(found.new, ["HAMS_AGENT_RMQ_PASS"]);
        assert_eq!(found.other, ["RMQ_PASS"]);
        assert_eq!(found.same, ["PDNS_API_KEY"]);
        assert_eq!(found.left_out, ["DOMAIN", "URL", "RMQ_PASS_SALT"]);

        let changed = |vault: &Vault| -> Vec<String> {
            let names = vault.names().into_iter().filter(|name| vault.get(name) != before.get(name));
            names.map(str::to_owned).collect()
        };
        found.put_into(&mut vault, false).unwrap();
        assert_eq!(changed(&vault), ["HAMS_AGENT_RMQ_PASS", "HAMS_AGENT_RMQ_PASS_SALT"]);
        found.put_into(&mut vault, true).unwrap();
        assert_eq!(vault.get("RMQ_PASS").unwrap().expose(), "theirs $1");
        assert!(vault.get("RMQ_PASS_SALT") != before.get("RMQ_PASS_SALT"));
        assert!(vault.get("PDNS_API_KEY_SALT") == before.get("PDNS_API_KEY_SALT"));
        let again = import(&text, &vault).unwrap();
        assert!(again.new.is_empty() && again.other.is_empty());
    }

    #[test]
    fn what_is_no_secret_is_refused_with_its_line() {
        for (line, problem) in [
            ("RMQ_PASS=", "`RMQ_PASS` is empty"),
            ("RMQ_PASS=None", "the word `none`"),
            ("RMQ_PASS=\"hunter2\\n\"", "line break"),
            ("RMQ_PASS=hunter2$x", "a bare `$`"),
            ("ODOO_ADMIN_PASSWORD=none", "the word `none`"),
            ("ODOO_ADMIN_PASSWORD=hunter2", "fewer than 12 characters"),
            ("ODOO_ADMIN_PASSWORD='$pbkdf2-sha512$25000$AAEC$AAEC'", "not a whole one"),
        ] {
            let error = import(&format!("\n{line}\n"), &vault("")).err().unwrap();
            assert!(error.starts_with("deploy/.env:2: ") && error.contains(problem), "{line}: {error}");
            assert!(!error.contains("hunter2") && error.contains("hint: "), "{line}: {error}");
        }
        // What this version does not know is none of its business.
        assert_eq!(import("SMTP_PASS=none\nX=\n", &vault("")).unwrap().left_out, ["SMTP_PASS", "X"]);
    }

    #[test]
    fn a_plain_admin_password_leaves_its_hash() {
        let mut vault = vault("");
        let text = "ODOO_ADMIN_PASSWORD='correct horse battery staple'\n";
        import(text, &vault).unwrap().put_into(&mut vault, false).unwrap();
        assert!(!vault.render().contains("horse"), "{}", vault.render());
        assert_eq!(import(text, &vault).unwrap().same, ["ODOO_ADMIN_PASSWORD"]);
    }
}
