//! The operator's file of those who may see the agent's page, looked at before anything is touched: that its passwords are
//! hashed, that it is nobody else's to read, and that nginx's workers can, who open it for each request.

use super::nginx_operators::fault;
use super::part::PartError;
use crate::host::account;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// How a line's hash begins, of those that nginx and Debian's crypt(5) know and that have a salt.
const HASHES: [&str; 9] = ["$y$", "$gy$", "$7$", "$2b$", "$2y$", "$6$", "$5$", "$apr1$", "{SSHA}"];
const MAKE: &str = "make a line with `htpasswd -B`, or as `NAME:` and what `openssl passwd -6` prints";

/// Who reads the file.
pub struct Reader {
    uid: u32,
    group: String,
    gid: u32,
}

impl Reader {
    /// The account `name`, with the group of its name.
    pub fn of(name: &str) -> Result<Self, PartError> {
        let user = account::user(name)?;
        Ok(Self { uid: user.uid.as_raw(), group: name.to_owned(), gid: user.gid.as_raw() })
    }

    /// Whether one of the three bits of `bit` (0o4: read, 0o1: enter) is for it.
    fn may(&self, found: &std::fs::Metadata, bit: u32) -> bool {
        let shift = match (found.uid() == self.uid, found.gid() == self.gid) {
            (true, _) => 6,
            (false, true) => 3,
            (false, false) => 0,
        };
        found.mode() & (bit << shift) != 0
    }
}

/// Fails unless the file of `key` names people with hashed passwords, and is for root and the reader alone.
pub fn check_users(key: &'static str, path: &Path, reader: &Reader) -> Result<(), PartError> {
    let wrong = |problem: String, fix: &str| Err(fault(key, path, &problem, fix));
    let text = match std::fs::read(path) {
        Ok(content) => String::from_utf8_lossy(&content).into_owned(),
        Err(error) => {
            return wrong(format!("cannot be read: {error}"), &format!("make the file, and in it {MAKE}"));
        }
    };
    if let Some(problem) = fault_of_lines(&text) {
        return wrong(problem, MAKE);
    }
    let group = &reader.group;
    let access = format!("`chown root:{group} {0}; chmod 0640 {0}`", path.display());
    let real = path.canonicalize().and_then(|real| Ok((real.metadata()?, real)));
    let (found, real) = match real {
        Ok(found) => found,
        Err(error) => return wrong(format!("cannot be looked at: {error}"), "correct the path"),
    };
    if found.mode() & 0o007 != 0 {
        return wrong("is open to everybody on this host".into(), &access);
    }
    if !reader.may(&found, 0o4) {
        return wrong(format!("cannot be read by nginx's workers (group {group})"), &access);
    }
    for folder in real.ancestors().skip(1) {
        let may_enter = folder.metadata().map(|found| reader.may(&found, 0o1));
        if !may_enter.unwrap_or(false) {
            let problem = format!(
                "lies below {}, which nginx's workers (group {group}) cannot enter",
                folder.display()
            );
            return wrong(problem, "move it to a folder that everybody may enter, such as /etc/hams");
        }
    }
    Ok(())
}

/// What is wrong with the lines. Names a line by its number alone: a password may stand there.
fn fault_of_lines(text: &str) -> Option<String> {
    let lines = text.lines().zip(1..).filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
    let mut is_empty = true;
    for (line, number) in lines {
        is_empty = false;
        let Some((name, rest)) = line.split_once(':').filter(|(name, _)| !name.is_empty()) else {
            return Some(format!("has a line without `NAME:` (line {number})"));
        };
        let hash = rest.split(':').next().unwrap_or_default();
        let is_hashed =
            HASHES.iter().any(|begin| hash.strip_prefix(begin).is_some_and(|rest| rest.len() >= 16));
        if !is_hashed {
            let name = name.escape_debug();
            return Some(format!(
                "has a password that is not hashed, or without a salt (line {number}, `{name}`)"
            ));
        }
    }
    is_empty.then(|| "names nobody".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    const HASHED: &str = "# operators\n\nada:$6$saltsalt$0123456789abcdef0123456789abcdef:a note\nbob:$2y$05$0123456789012345678901\n";

    fn nobody() -> Reader {
        Reader { uid: u32::MAX - 1, group: "www-data".into(), gid: u32::MAX - 1 }
    }

    #[test]
    fn passwords_are_hashed() {
        assert_eq!(fault_of_lines(HASHED), None);
        for (text, said) in [
            ("", "names nobody"),
            ("# ada:$6$x\n", "names nobody"),
            ("ada\n", "without `NAME:` (line 1)"),
            (":$6$saltsalt$0123456789abcdef\n", "without `NAME:` (line 1)"),
            ("\nada:geheim\n", "not hashed, or without a salt (line 2, `ada`)"),
            ("ada:{PLAIN}geheim\n", "not hashed"),
            ("ada:{SHA}2PRZAyDhNDqRW2OUFwZQqPNdaSY=\n", "without a salt"),
            ("ada:rqXexS6ZhobKA\n", "not hashed"),
            ("ada:$6$\n", "not hashed"),
            ("ada:\n", "not hashed"),
        ] {
            let fault = fault_of_lines(text).unwrap();
            assert!(fault.contains(said) && !fault.contains("geheim"), "{text}: {fault}");
        }
    }

    #[test]
    fn it_is_for_root_and_nginx_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        let error =
            |reader: &Reader| check_users("nginx.status_users", &path, reader).unwrap_err().to_string();
        assert!(error(&nobody()).contains("cannot be read: No such file"), "{}", error(&nobody()));
        std::fs::write(&path, HASHED).unwrap();
        let chmod = |path: &Path, mode| std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        chmod(&path, 0o644);
        let fix = format!("hint: `chown root:www-data {0}; chmod 0640 {0}`", path.display());
        let said = error(&nobody());
        assert!(said.contains("open to everybody") && said.ends_with(&fix), "{said}");
        chmod(&path, 0o640);
        let said = error(&nobody());
        assert!(said.contains("cannot be read by nginx's workers") && said.ends_with(&fix), "{said}");
        chmod(folder.path(), 0o700);
        let found = path.metadata().unwrap();
        let group = Reader { gid: found.gid(), ..nobody() };
        let said = error(&group);
        assert!(said.contains("cannot enter") && said.contains("hint: move it"), "{said}");
        chmod(folder.path(), 0o755);
        check_users("nginx.status_users", &path, &group).unwrap();
        let owner = Reader { uid: found.uid(), ..nobody() };
        check_users("nginx.status_users", &path, &owner).unwrap();
        assert!(error(&nobody()).contains("cannot be read by nginx's workers"));
    }
}
