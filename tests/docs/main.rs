//! The documents that are made from the code: each committed file equals what the code says today.
//!
//! `HAMS_BLESS=1 cargo test --test docs` writes them anew.

#![allow(clippy::unwrap_used)]

mod manual;
mod pages;
mod roff_text;

use std::path::Path;
use std::process::Command;

use clap::CommandFactory;
use hams::cli::agent_args::AgentArgs;
use hams::cli::args::InstallArgs;

/// Makes a document's text.
type Make = fn() -> String;

/// Each document: its path in the tree, and how it is made.
const DOCUMENTS: &[(&str, Make)] = &[
    ("debian/man/hams-install.8", pages::hams_install),
    ("debian/man/hams-agent.8", pages::hams_agent),
    ("debian/man/hams.toml.5", pages::hams_toml),
    ("debian/completions/hams-install.bash", || completion("hams-install", InstallArgs::command())),
    ("debian/completions/hams-agent.bash", || completion("hams-agent", AgentArgs::command())),
    ("deploy/hams.toml", hams::config::reference),
    ("deploy/.env.template", hams::secrets::template),
];

/// Of what people type: clap_complete knows no hidden command.
fn completion(name: &'static str, whole: clap::Command) -> String {
    let shown = whole.get_subcommands().filter(|below| !below.is_hide_set()).cloned();
    let mut command = clap::Command::new(name)
        .version(env!("CARGO_PKG_VERSION"))
        .disable_help_subcommand(whole.is_disable_help_subcommand_set())
        .args(whole.get_arguments().cloned())
        .subcommands(shown);
    let mut script = Vec::new();
    clap_complete::generate(clap_complete::Shell::Bash, &mut command, name, &mut script);
    String::from_utf8(script).unwrap()
}

fn tree() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_documents_are_those_that_the_code_makes() {
    let bless = std::env::var_os("HAMS_BLESS").is_some_and(|value| value == "1");
    let mut stale = Vec::new();
    for (path, make) in DOCUMENTS {
        let file = tree().join(path);
        let wanted = make();
        if std::fs::read_to_string(&file).ok().as_ref() != Some(&wanted) {
            if bless {
                std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                std::fs::write(&file, wanted).unwrap();
            } else {
                stale.push(*path);
            }
        }
    }
    assert!(
        stale.is_empty(),
        "{stale:?} differ from what the code says: run `HAMS_BLESS=1 cargo test --test docs`, look at the \
         difference, commit it"
    );
}

/// The folders hold nothing that no longer has a source.
#[test]
fn every_generated_file_is_in_the_list() {
    for folder in ["debian/man", "debian/completions"] {
        for entry in std::fs::read_dir(tree().join(folder)).unwrap() {
            let path = format!("{folder}/{}", entry.unwrap().file_name().to_str().unwrap());
            assert!(DOCUMENTS.iter().any(|(known, _)| *known == path), "{path} is made by nobody");
        }
    }
}

/// Runs a program on a document as the code makes it, and returns what it said.
fn checked_by(program: &mut Command, make: Make) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), make()).unwrap();
    let output = program.arg(file.path()).output().expect("the program that checks (man-db, bash)");
    format!(
        "{}{}",
        if output.status.success() { "" } else { "failed: " },
        String::from_utf8_lossy(&output.stderr)
    )
}

/// What lintian asks of every page: groff formats it without a warning.
#[test]
fn man_formats_every_page_without_a_warning() {
    for (path, make) in DOCUMENTS.iter().filter(|(path, _)| path.starts_with("debian/man/")) {
        let mut man = Command::new("man");
        man.args(["--warnings", "-E", "UTF-8", "-Tutf8", "-Z", "-l"])
            .env("MANROFFSEQ", "")
            .env("MANWIDTH", "80");
        assert_eq!(checked_by(man.env("LC_ALL", "C.UTF-8"), *make), "", "{path}");
    }
}

#[test]
fn bash_takes_every_completion() {
    for (path, make) in DOCUMENTS.iter().filter(|(path, _)| path.ends_with(".bash")) {
        assert_eq!(checked_by(Command::new("bash").arg("-n"), *make), "", "{path}");
    }
}
