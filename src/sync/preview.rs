//! What a write would change, for an operator to read: PowerDNS is asked, and nothing is written.

use super::order::Deed;
use super::wanted::Wanted;
use super::writer::{Writer, WriterError, own};
use crate::dns::{Change, Name, Stored, diff, diff_lines};

/// A difference.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Preview {
    pub(super) deed: Deed,
    /// A line a record.
    pub(super) changes: Vec<String>,
}

/// What leads from what PowerDNS has to what is wanted; `None`: nothing needs to be done.
pub(super) async fn preview(
    writer: &Writer,
    zone: &Name,
    wanted: &Wanted,
) -> Result<Option<Preview>, WriterError> {
    writer.permit(zone)?;
    let remote = writer.powerdns().zone(zone).await?;
    if let Some(remote) = &remote {
        own(zone, &remote.account)?;
    }
    let is_complete = remote.as_ref().is_some_and(|remote| remote.is_complete());
    Ok(between(remote.map(|remote| remote.stored).as_deref(), is_complete, wanted))
}

/// `stored`: what is there, if the zone is; one that is not complete is made anew.
fn between(stored: Option<&[Stored]>, is_complete: bool, wanted: &Wanted) -> Option<Preview> {
    let (deed, changes) = match (wanted, stored) {
        (Wanted::Gone, None) => return None,
        (Wanted::Gone, Some(stored)) => {
            let delete = |old: &Stored| Change::Delete { name: old.name.clone(), rtype: old.rtype.clone() };
            (Deed::Remove, stored.iter().map(delete).collect())
        }
        (Wanted::Content(content), Some(stored)) if is_complete => {
            (Deed::Change, diff(stored, &content.zone, &content.kept))
        }
        (Wanted::Content(content), _) => {
            (Deed::Create, content.zone.rrsets.values().cloned().map(Change::Replace).collect::<Vec<_>>())
        }
    };
    if deed == Deed::Change && changes.is_empty() {
        return None;
    }
    Some(Preview { deed, changes: diff_lines(stored.unwrap_or_default(), &changes) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::{Draft, Zone};
    use crate::sync::wanted::Content;

    fn wanted(address: &str) -> Wanted {
        let zone = Name::absolute("a.u.hams.test").unwrap();
        let records = Some(vec![address.to_owned()]);
        let draft = Draft { name: "www".into(), rtype: "A".into(), ttl: Some(60), records };
        Wanted::Content(Content::of(Zone::check(
            &zone,
            vec![draft],
            &[Name::absolute("ns1.hams.test").unwrap()],
        )))
    }

    fn stored(name: &str, rtype: &str, record: &str) -> Stored {
        let (name, rtype) = (name.to_owned(), rtype.to_owned());
        Stored { name, rtype, ttl: 60, records: [record.to_owned()].into(), has_disabled: false }
    }

    #[test]
    fn each_deed_and_none() {
        let soa = stored("a.u.hams.test.", "SOA", "a. b. 1 2 3 4 5");
        let there = [
            soa.clone(),
            Stored { ttl: 3600, ..stored("a.u.hams.test.", "NS", "ns1.hams.test.") },
            stored("www.a.u.hams.test.", "A", "192.0.2.1"),
        ];
        let deed = |stored: Option<&[Stored]>, is_complete, wanted: &Wanted| {
            between(stored, is_complete, wanted).map(|preview| (preview.deed, preview.changes.len()))
        };
        assert_eq!(deed(Some(&there), true, &wanted("192.0.2.1")), None);
        assert_eq!(deed(Some(&there), true, &wanted("192.0.2.2")), Some((Deed::Change, 2)));
        assert_eq!(deed(None, false, &wanted("192.0.2.1")), Some((Deed::Create, 2)));
        assert_eq!(deed(Some(&[]), false, &wanted("192.0.2.1")), Some((Deed::Create, 2)));
        assert_eq!(deed(Some(&there), true, &Wanted::Gone), Some((Deed::Remove, 3)));
        assert_eq!(deed(Some(&[soa]), true, &Wanted::Gone), Some((Deed::Remove, 1)));
        assert_eq!(deed(None, false, &Wanted::Gone), None);
    }
}
