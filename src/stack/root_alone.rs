//! Programs of an operator's that run without root's rights: whether none but root can change them.

use crate::host::Error;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const OTHERS_WRITE: u32 = 0o022;

/// Why what is at `path` may not be run as a part of `what` ("the daemon"), if so. Above the program's own folder a link is the
/// system's own (`/opt` may be one).
pub(super) fn refusal(path: &Path, is_above: bool, what: &str) -> Result<Option<String>, Error> {
    let read = if is_above { fs::metadata(path) } else { fs::symlink_metadata(path) };
    let found = read.map_err(Error::io("read", path))?;
    let shown = path.display();
    if found.is_symlink() {
        return Ok(Some(format!("{shown} is a link\nhint: put the file itself there")));
    }
    let is_sticky = found.mode() & 0o1000 != 0 && is_above;
    if found.uid() != 0 || (found.mode() & OTHERS_WRITE != 0 && !is_sticky) {
        let who =
            if found.uid() == 0 { "more than root can write to" } else { "another account than root owns" };
        return Ok(Some(format!(
            "{who} {shown}, and with it change what {what} does\n\
             hint: `chown -R root:root {shown} && chmod -R go-w,a+rX {shown}`"
        )));
    }
    let needed = if found.is_dir() { 0o005 } else { 0o004 };
    let needed = if is_above { 0o001 } else { needed };
    if found.mode() & needed != needed {
        return Ok(Some(format!("the account of {what} cannot read {shown}\nhint: `chmod -R a+rX {shown}`")));
    }
    Ok(None)
}
