//! Changes as people read them: a line a record, `-` before what goes and `+` before what comes.

use super::diff::{Change, Stored};

/// The lines of `changes`; `stored`: what is there, nothing where the zone is new.
pub fn diff_lines(stored: &[Stored], changes: &[Change]) -> Vec<String> {
    let mut lines = Vec::new();
    for change in changes {
        let (name, rtype) = match change {
            Change::Delete { name, rtype } => (name.as_str(), rtype.as_str()),
            Change::Replace(rrset) => (rrset.key.name.as_str(), rrset.key.rtype.as_str()),
        };
        let is_same =
            |old: &&Stored| old.name.eq_ignore_ascii_case(name) && old.rtype.eq_ignore_ascii_case(rtype);
        let before: Vec<String> = stored.iter().filter(is_same).flat_map(records).collect();
        let after: Vec<String> = match change {
            Change::Delete { .. } => Vec::new(),
            Change::Replace(rrset) => {
                let ttl = rrset.ttl.seconds();
                rrset.records.iter().map(|record| format!("{name} {ttl} {rtype} {record}")).collect()
            }
        };
        let unlike = |others: &[String], line: &String| !others.contains(line);
        lines.extend(before.iter().filter(|line| unlike(&after, line)).map(|line| format!("- {line}")));
        lines.extend(after.iter().filter(|line| unlike(&before, line)).map(|line| format!("+ {line}")));
    }
    lines
}

fn records(old: &Stored) -> impl Iterator<Item = String> {
    // One that is kept but not served has nothing to show.
    let hidden = old.has_disabled.then(|| format!("{} {} {} (not served)", old.name, old.ttl, old.rtype));
    let served = |record: &String| format!("{} {} {} {record}", old.name, old.ttl, old.rtype);
    old.records.iter().map(served).chain(hidden)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::{Draft, Name, Zone, diff};

    fn draft(name: &str, rtype: &str, ttl: i64, records: &[&str]) -> Draft {
        let records = records.iter().map(|&text| text.to_owned()).collect();
        Draft { name: name.into(), rtype: rtype.into(), ttl: Some(ttl), records: Some(records) }
    }

    fn stored(name: &str, rtype: &str, ttl: u32, records: &[&str], has_disabled: bool) -> Stored {
        let records = records.iter().map(|&text| text.to_owned()).collect();
        Stored { name: name.into(), rtype: rtype.into(), ttl, records, has_disabled }
    }

    #[test]
    fn what_goes_and_what_comes() {
        let zone = Name::absolute("a.u.hams.test").unwrap();
        let wanted = vec![
            draft("www", "A", 300, &["192.0.2.1", "192.0.2.3"]),
            draft("ttl", "A", 60, &["192.0.2.1"]),
            draft("new", "TXT", 60, &["x"]),
            draft("off", "A", 60, &["192.0.2.1"]),
        ];
        let wanted = Zone::check(&zone, wanted, &[Name::absolute("ns1.hams.test").unwrap()]).zone;
        let there = [
            stored("a.u.hams.test.", "NS", 3600, &["ns1.hams.test."], false),
            stored("www.a.u.hams.test.", "A", 300, &["192.0.2.1", "192.0.2.2"], false),
            stored("ttl.a.u.hams.test.", "A", 300, &["192.0.2.1"], false),
            stored("old.a.u.hams.test.", "LUA", 60, &["A \"x\""], false),
            stored("off.a.u.hams.test.", "A", 60, &["192.0.2.1"], true),
        ];
        let changes = diff(&there, &wanted, &Default::default());
        assert_eq!(
            diff_lines(&there, &changes),
            [
                "- old.a.u.hams.test. 60 LUA A \"x\"",
                "+ new.a.u.hams.test. 60 TXT \"x\"",
                "- off.a.u.hams.test. 60 A (not served)",
                "- ttl.a.u.hams.test. 300 A 192.0.2.1",
                "+ ttl.a.u.hams.test. 60 A 192.0.2.1",
                "- www.a.u.hams.test. 300 A 192.0.2.2",
                "+ www.a.u.hams.test. 300 A 192.0.2.3",
            ]
        );
    }
}
