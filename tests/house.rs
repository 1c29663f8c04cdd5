//! The house (ARCHITECTURE.md): rooms import from lower floors only, and no two files import each other, straight or in
//! a ring. Read from the `use` lines and paths of src/, so that it holds for every file that is ever added.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// The floors from the top. A room uses rooms on lower floors, none beside or above it.
const FLOORS: &[&[&str]] = &[
    &["bin"],
    &["cli"],
    &["agent"],
    &["stack"],
    &["plan", "sync", "health"],
    &["secrets"],
    &["host"],
    &["config", "dns"],
];

/// A module of the library, as its path below `crate`: `[]` is lib.rs, `["host", "file"]` is src/host/file.rs.
type Module = Vec<String>;

/// Every Rust file below a folder.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("read a folder") {
            let path = entry.expect("read a folder").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files
}

struct House {
    /// Every file with its text, comments, strings and tests taken out.
    files: BTreeMap<Module, (PathBuf, String)>,
}

impl House {
    fn read(source: &Path) -> Self {
        let mut files = BTreeMap::new();
        for file in rust_files(source) {
            let inner = file.strip_prefix(source).expect("below src").with_extension("");
            let mut module: Module = inner.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            if module.last().is_some_and(|last| last == "mod") || module == ["lib"] {
                module.pop();
            }
            let text = std::fs::read_to_string(&file).expect("read a source file");
            files.insert(module, (file, without_tests(&code(&text))));
        }
        Self { files }
    }

    /// The files that a file imports from, as written: `use super::Error` in host/file.rs is an import from host/mod.rs.
    /// A `mod` line is none: it says where a file is, and takes nothing from it.
    fn imports(&self, module: &Module) -> BTreeSet<Module> {
        let (_, text) = &self.files[module];
        let mut found = BTreeSet::new();
        for path in paths(text) {
            let mut absolute: Module = match path[0].as_str() {
                "crate" => vec![],
                "hams" if module[..].first().is_some_and(|room| room == "bin") => vec![],
                "self" => module.clone(),
                "super" if !module.is_empty() => module[..module.len() - 1].to_vec(),
                first => {
                    // In a folder's mod.rs, and only there, a path may begin with the name of a file beside it.
                    let child = [module.as_slice(), &[first.to_owned()]].concat();
                    if !self.files.contains_key(&child) || module.first().is_some_and(|room| room == "bin") {
                        continue;
                    }
                    child
                }
            };
            for part in &path[1..] {
                match part.as_str() {
                    "super" => drop(absolute.pop()),
                    "self" => {}
                    _ => absolute.push(part.clone()),
                }
            }
            // The longest part of the path that is a file; what follows is an item in it.
            while !self.files.contains_key(&absolute) {
                assert!(absolute.pop().is_some(), "lib.rs is a file");
            }
            if absolute != *module && !absolute.is_empty() {
                found.insert(absolute);
            }
        }
        found
    }

    fn name(&self, module: &Module) -> String {
        self.files[module]
            .0
            .strip_prefix(env!("CARGO_MANIFEST_DIR"))
            .expect("in the tree")
            .display()
            .to_string()
    }

    /// What breaks the order of the floors, a line each.
    fn wrong_floors(&self) -> Vec<String> {
        let floor = |module: &Module| {
            let room = module.first().expect("lib.rs imports nothing");
            FLOORS.iter().position(|rooms| rooms.contains(&room.as_str()))
        };
        let mut wrong = Vec::new();
        for module in self.files.keys().filter(|module| !module.is_empty()) {
            let Some(own) = floor(module) else {
                wrong.push(format!("{} is in no room of the house", self.name(module)));
                continue;
            };
            for other in self.imports(module) {
                if other[0] != module[0] && floor(&other).is_none_or(|other| other <= own) {
                    wrong.push(format!(
                        "{} imports {}, which is not below it",
                        self.name(module),
                        self.name(&other)
                    ));
                }
            }
        }
        wrong
    }

    /// The rings of files that import each other, a line each.
    fn rings(&self) -> Vec<String> {
        let imports: BTreeMap<_, _> =
            self.files.keys().map(|module| (module, self.imports(module))).collect();
        let mut rings = BTreeSet::new();
        for start in self.files.keys() {
            // The shortest way from a file back to itself.
            let mut from: BTreeMap<Module, Module> = BTreeMap::new();
            let mut queue = std::collections::VecDeque::from([start.clone()]);
            while let Some(module) = queue.pop_front() {
                for next in &imports[&module] {
                    if from.contains_key(next) {
                        continue;
                    }
                    from.insert(next.clone(), module.clone());
                    queue.push_back(next.clone());
                }
            }
            let Some(mut at) = from.get(start) else { continue };
            let mut ring = vec![start];
            while at != start {
                ring.push(at);
                at = &from[at];
            }
            ring.reverse();
            let first = ring.iter().enumerate().min_by_key(|(_, module)| **module).map_or(0, |(at, _)| at);
            ring.rotate_left(first);
            let mut line = String::new();
            for module in &ring {
                write!(line, "{} -> ", self.name(module)).expect("a string");
            }
            rings.insert(line + &self.name(ring[0]));
        }
        rings.into_iter().collect()
    }
}

/// A text without comments, and with the content of strings and characters taken out.
fn code(text: &str) -> String {
    let bytes: Vec<char> = text.chars().collect();
    let mut out = String::new();
    let mut at = 0;
    let begins = |at: usize, what: &str| what.chars().enumerate().all(|(i, c)| bytes.get(at + i) == Some(&c));
    while at < bytes.len() {
        if begins(at, "//") {
            while at < bytes.len() && bytes[at] != '\n' {
                at += 1;
            }
        } else if begins(at, "/*") {
            let mut depth = 0;
            while at < bytes.len() {
                if begins(at, "/*") {
                    (depth, at) = (depth + 1, at + 2);
                } else if begins(at, "*/") {
                    (depth, at) = (depth - 1, at + 2);
                    if depth == 0 {
                        break;
                    }
                } else {
                    at += 1;
                }
            }
        } else if let Some(hashes) = raw_string(&bytes, at) {
            let end = format!("\"{}", "#".repeat(hashes));
            at += hashes + 2;
            while at < bytes.len() && !begins(at, &end) {
                at += 1;
            }
            at += end.len();
            out.push_str("\"\"");
        } else if bytes[at] == '"' {
            at += 1;
            while at < bytes.len() && bytes[at] != '"' {
                at += if bytes[at] == '\\' { 2 } else { 1 };
            }
            at += 1;
            out.push_str("\"\"");
        } else if bytes[at] == '\'' && (begins(at + 1, "\\") || bytes.get(at + 2) == Some(&'\'')) {
            at += if begins(at + 1, "\\") { 3 } else { 2 };
            while at < bytes.len() && bytes[at] != '\'' {
                at += 1;
            }
            at += 1;
            out.push_str("''");
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    out
}

/// The number of `#` of a raw string that begins here.
fn raw_string(bytes: &[char], at: usize) -> Option<usize> {
    let after_word =
        at > 0 && (bytes[at - 1].is_alphanumeric() || bytes[at - 1] == '_') && bytes[at - 1] != 'b';
    if bytes[at] != 'r' || after_word {
        return None;
    }
    let hashes = bytes[at + 1..].iter().take_while(|c| **c == '#').count();
    (bytes.get(at + 1 + hashes) == Some(&'"')).then_some(hashes)
}

/// Without the modules that exist in tests only: they may use what they test.
fn without_tests(code: &str) -> String {
    let mut out = String::new();
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let mut depth = 0;
        let end = rest.char_indices().find_map(|(at, c)| {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            (depth == 0 && (c == '}' || c == ';')).then_some(at + 1)
        });
        rest = &rest[end.unwrap_or(rest.len())..];
    }
    out + rest
}

/// Every path of two and more parts, and every path of a `use`, with `{…}` spread out.
fn paths(code: &str) -> Vec<Vec<String>> {
    let tokens = tokens(code);
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let is_use = tokens[at] == "use";
        let inside = at > 0 && tokens[at - 1] == "::";
        if is_use {
            at = tree(&tokens, at + 1, &[], &mut found);
        } else if is_word(&tokens[at]) && !inside && tokens.get(at + 1).is_some_and(|next| next == "::") {
            let mut path = vec![tokens[at].clone()];
            while tokens.get(at + 1).is_some_and(|next| next == "::")
                && tokens.get(at + 2).is_some_and(|t| is_word(t))
            {
                path.push(tokens[at + 2].clone());
                at += 2;
            }
            found.push(path);
            at += 1;
        } else {
            at += 1;
        }
    }
    found
}

/// Reads one tree of a `use` and gives where it ends.
fn tree(tokens: &[String], mut at: usize, before: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let mut path = before.to_vec();
    while let Some(token) = tokens.get(at) {
        match token.as_str() {
            "::" => at += 1,
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token != "}") {
                    at = tree(tokens, at, &path, found);
                    if tokens.get(at).is_some_and(|token| token == ",") {
                        at += 1;
                    }
                }
                return at + 1;
            }
            "*" => at += 1,
            "as" => at += 2,
            word if is_word(word) => {
                path.push(word.to_owned());
                at += 1;
            }
            _ => break,
        }
    }
    if !path.is_empty() {
        found.push(path);
    }
    at
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

fn tokens(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let length = if first.is_alphanumeric() || first == '_' {
            rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        if !first.is_whitespace() {
            found.push(rest[..length].to_owned());
        }
        rest = &rest[length..];
    }
    found
}

fn house() -> House {
    House::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

#[test]
fn rooms_import_downwards_only() {
    let wrong = house().wrong_floors();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_files_import_each_other() {
    let rings = house().rings();
    assert!(rings.is_empty(), "{}", rings.join("\n"));
}

#[test]
fn mod_files_only_open_their_room() {
    for (module, (file, text)) in &house().files {
        if module.len() == 1 && file.ends_with("mod.rs") {
            for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
                let opens = [
                    "mod ",
                    "pub mod ",
                    "pub(crate) mod ",
                    "use ",
                    "pub use ",
                    "pub(crate) use ",
                    "#[",
                    "#![",
                ]
                .iter()
                .any(|begin| line.starts_with(begin));
                let goes_on = line.chars().all(|c| c.is_alphanumeric() || "_,:{}; *".contains(c));
                assert!(opens || goes_on, "{} does more than open its room: `{line}`", file.display());
            }
        }
    }
}

#[test]
fn the_binaries_are_thin() {
    for (module, (file, _)) in &house().files {
        if module.first().is_some_and(|room| room == "bin") {
            let lines = std::fs::read_to_string(file).expect("a source file").lines().count();
            assert!(
                lines < 60,
                "{} has {lines} lines, it should parse, call, and give the exit code",
                file.display()
            );
        }
    }
}

/// The table of incidents names tests that are there.
#[test]
fn every_incident_has_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let read = |file: PathBuf| std::fs::read_to_string(file).expect("read a test");
    let tests: String = rust_files(&root).into_iter().map(read).collect();
    let table = std::fs::read_to_string(root.join("incidents.md")).expect("read tests/incidents.md");
    let mut rows = 0;
    for row in table.lines().filter(|line| line.starts_with("| ")).skip(1) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let [_, place] = cells[..] else { panic!("not two cells: {row}") };
        let names: Vec<&str> = place.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test is named: {row}");
        for name in names {
            assert!(tests.contains(&format!("fn {name}(")), "there is no test `{name}`: {row}");
        }
        rows += 1;
    }
    assert!(rows > 20, "only {rows} rows");
}

/// The reader itself, on a small house that breaks every rule.
#[test]
fn a_broken_house_is_seen() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    };
    write("lib.rs", "pub mod dns; pub mod host; pub mod plan;");
    write("dns/mod.rs", "pub mod name;\npub use name::Name;");
    write(
        "dns/name.rs",
        "// use crate::host::x\n/* crate::plan::x */ const A: &str = \"crate::host::file\"; pub struct Name;",
    );
    write("host/mod.rs", "pub mod file; pub mod path; pub mod up; pub use file::File;");
    write("host/file.rs", "use super::path::{self, Path as P}; pub struct File; const C: char = '\"';");
    write(
        "host/path.rs",
        "fn f() -> crate::host::file::File { todo() } #[cfg(test)] mod tests { use crate::plan::x; }",
    );
    write("host/up.rs", "use crate::{dns::{Name, name}, plan::step::Step}; use super::File;");
    write("plan/mod.rs", "pub mod step;");
    write("plan/step.rs", "pub struct Step;");
    write("shed/mod.rs", "");
    let mut house = House::read(folder.path());
    for (path, _) in house.files.values_mut() {
        let inner = path.strip_prefix(folder.path()).expect("in the folder");
        *path = Path::new(env!("CARGO_MANIFEST_DIR")).join(inner);
    }
    assert_eq!(
        house.wrong_floors(),
        ["host/up.rs imports plan/step.rs, which is not below it", "shed/mod.rs is in no room of the house"]
    );
    // up.rs takes `File` through its room's own door, mod.rs takes it from file.rs: no ring. file.rs and path.rs are one.
    assert_eq!(house.rings(), ["host/file.rs -> host/path.rs -> host/file.rs"]);
    write("host/file.rs", "use super::Host; pub struct File;");
    let mut house = House::read(folder.path());
    for (path, _) in house.files.values_mut() {
        let inner = path.strip_prefix(folder.path()).expect("in the folder");
        *path = Path::new(env!("CARGO_MANIFEST_DIR")).join(inner);
    }
    assert_eq!(house.rings(), ["host/mod.rs -> host/file.rs -> host/mod.rs"]);
}
