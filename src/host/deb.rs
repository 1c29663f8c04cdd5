//! A Debian package with another control file: the data member stays byte for byte (deb(5)).

use super::apt_get::LIMIT;
use super::command::Command;
use super::error::Error;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

const MAGIC: &[u8] = b"!<arch>\n";
/// Bytes of a member's header (ar(5)): name 16, time 12, owner 6, group 6, mode 8, size 10, end 2.
const HEADER: usize = 60;

/// The text of its control file.
pub async fn control(package: &Path) -> Result<String, Error> {
    Command::new("dpkg-deb").args(["--field", &package.to_string_lossy()]).run().await
}

/// The name of the package in a file, asked while a node is put together.
pub fn name(package: &Path) -> Result<String, Error> {
    let command = format!("dpkg-deb --field {} Package", package.display());
    let asked = std::process::Command::new("dpkg-deb").arg("--field").arg(package).arg("Package").output();
    let output = asked.map_err(|source| Error::Spawn { command: command.clone(), source })?;
    if !output.status.success() {
        let output_text = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Error::Command { command, status: output.status.to_string(), output: output_text });
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Writes to `target` the package `package` with `control` for its control file. Works in `folder`, which must be empty.
pub async fn with_control(package: &Path, control: &str, folder: &Path, target: &Path) -> Result<(), Error> {
    let parts = folder.join("control");
    let words = ["--control", &package.to_string_lossy(), &parts.to_string_lossy()].map(str::to_owned);
    Command::new("dpkg-deb").args(words).limit(LIMIT).run().await?;
    let file = parts.join("control");
    fs::write(&file, control).map_err(Error::io("write", &file))?;
    let archive = folder.join("control.tar");
    let [archive_name, parts_name] = [&archive, &parts].map(|path| path.to_string_lossy().into_owned());
    Command::new("tar")
        .args(["--create", "--format=gnu", "--owner=0", "--group=0", "--numeric-owner", "--sort=name"])
        .args(["--file", &archive_name, "--directory", &parts_name, "."])
        .run()
        .await?;
    assemble(package, &archive, target)
}

/// The members of `package` in their order, `control` in the place of its control member.
fn assemble(package: &Path, control: &Path, target: &Path) -> Result<(), Error> {
    let no_package =
        |what: &str| Error::Unexpected(format!("`{}` is no Debian package: {what}", package.display()));
    let read = || Error::io("read", package);
    let mut from = File::open(package).map_err(Error::io("open", package))?;
    let mut to = File::create(target).map_err(Error::io("create", target))?;
    let mut magic = [0; MAGIC.len()];
    from.read_exact(&mut magic).map_err(read())?;
    if magic != MAGIC {
        return Err(no_package("it is no archive"));
    }
    to.write_all(MAGIC).map_err(Error::io("write", target))?;
    let mut replaced = false;
    loop {
        let mut header = [0; HEADER];
        match from.read(&mut header[..1]).map_err(read())? {
            0 => break,
            _ => from.read_exact(&mut header[1..]).map_err(read())?,
        }
        let text = String::from_utf8_lossy(&header).into_owned();
        let size: u64 =
            text.get(48..58).and_then(|size| size.trim().parse().ok()).ok_or_else(|| no_package("a size"))?;
        let padded = size + size % 2;
        if text.starts_with("control.tar") {
            let mut new = File::open(control).map_err(Error::io("open", control))?;
            let length = new.metadata().map_err(Error::io("read", control))?.len();
            // Same time, owner and mode; tar's length is even.
            let header = format!("{:<16}{}{length:<10}`\n", "control.tar", &text[16..48]);
            to.write_all(header.as_bytes()).map_err(Error::io("write", target))?;
            std::io::copy(&mut new, &mut to).map_err(Error::io("write", target))?;
            let skip = i64::try_from(padded).map_err(|_| no_package("a size"))?;
            from.seek(SeekFrom::Current(skip)).map_err(read())?;
            replaced = true;
        } else {
            to.write_all(&header).map_err(Error::io("write", target))?;
            let copied = std::io::copy(&mut (&mut from).take(padded), &mut to);
            if copied.map_err(Error::io("write", target))? < size {
                return Err(no_package("it is cut short"));
            }
        }
    }
    if !replaced {
        return Err(no_package("it has no control file"));
    }
    to.sync_all().map_err(Error::io("sync", target))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, content: &[u8]) -> Vec<u8> {
        let mut bytes =
            format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 7, 0, 0, 100644, content.len()).into_bytes();
        bytes.extend(content);
        bytes.extend(std::iter::repeat_n(b'\n', content.len() % 2));
        bytes
    }

    #[test]
    fn only_the_control_member_changes() {
        let folder = tempfile::tempdir().unwrap();
        let [package, control, target] =
            ["a.deb", "control.tar", "b.deb"].map(|name| folder.path().join(name));
        let build = |name: &str, control: &[u8]| {
            let members =
                [member("debian-binary", b"2.0\n"), member(name, control), member("data.tar.xz", b"odd")];
            [MAGIC.to_vec(), members.concat()].concat()
        };
        fs::write(&package, build("control.tar.xz", b"old")).unwrap();
        fs::write(&control, b"new!").unwrap();
        assemble(&package, &control, &target).unwrap();
        assert_eq!(fs::read(&target).unwrap(), build("control.tar", b"new!"));
        fs::write(&package, b"no package at all").unwrap();
        assert!(
            assemble(&package, &control, &target).unwrap_err().to_string().contains("is no Debian package")
        );
    }
}
