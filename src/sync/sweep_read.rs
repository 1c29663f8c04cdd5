//! The reading side of a sweep, beside the loop and with clients of its own: PowerDNS's list, then Odoo's zones part by part.
//! Whatever comes short is an error: a zone that was not read is not gone.

use std::collections::{HashSet, VecDeque};

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::finding::{Finding, Page, Scope, Summary};
use super::odoo::{Odoo, OdooZone, Part};
use super::odoo_api::OdooError;
use super::powerdns::PowerDns;
use crate::dns::Name;

/// Zones that are read by their ids in one go.
const CHUNK: usize = 500;
/// Parts whose records are looked up at once, each by another of Odoo's workers.
const PARTS_AT_ONCE: usize = 2;

/// Reads, and hands on what it finds; the last piece is an end, unless nobody takes the pieces any more.
pub(super) async fn read(scope: &Scope, odoo: &mut Odoo, powerdns: &PowerDns, out: mpsc::Sender<Finding>) {
    finish(collect(scope, odoo, powerdns, &out).await, &out).await;
}

/// Asks Odoo for certain zones, by their ids or by their names, and hands on those that it has, and which of the names it
/// does not have.
pub(super) async fn reread(ids: Vec<u64>, names: Vec<Name>, odoo: &mut Odoo, out: mpsc::Sender<Finding>) {
    finish(recollect(&ids, &names, odoo, &out).await, &out).await;
}

async fn finish(result: Result<Summary, Stopped>, out: &mpsc::Sender<Finding>) {
    let result = match result {
        Ok(summary) => Ok(summary),
        Err(Stopped::Words(words)) => Err(words),
        Err(Stopped::Unwanted) => return,
    };
    // Nobody left is fine: then nobody waits for it.
    let _ = out.send(Finding::End(result)).await;
}

enum Stopped {
    /// Why it cannot go on.
    Words(String),
    /// Nobody takes what is read.
    Unwanted,
}

impl From<OdooError> for Stopped {
    fn from(error: OdooError) -> Self {
        Self::Words(error.to_string())
    }
}

async fn collect(
    scope: &Scope,
    odoo: &mut Odoo,
    powerdns: &PowerDns,
    out: &mpsc::Sender<Finding>,
) -> Result<Summary, Stopped> {
    // Before Odoo: a zone that comes up meanwhile must not look like one that Odoo does not have.
    let listing = powerdns.list().await.map_err(|error| Stopped::Words(error.to_string()))?;
    hand(out, Finding::Listed(listing)).await?;
    // Before the pages: what is written after this is read by the next sweep, too.
    let newest = odoo.newest().await?;
    match scope {
        Scope::Full => {
            let before = odoo.count().await?;
            let (mut read, mut records) = (0, 0);
            let mut parts = Parts::of(odoo.clone());
            while let Some(zones) = parts.next().await? {
                read += zones.len() as u64;
                records += rows(&zones);
                hand(out, Finding::Page(Page::of(zones, read, before.max(read)))).await?;
            }
            is_whole(before, read, odoo.count().await?).map_err(Stopped::Words)?;
            Ok(Summary { zones: read, records, newest })
        }
        Scope::Changed(since) => {
            let ids: Vec<u64> = odoo.changed_since(since).await?.into_iter().collect();
            let (mut read, mut records) = (0, 0);
            for chunk in ids.chunks(CHUNK) {
                let zones = odoo.zones_whole(chunk, &[]).await?;
                records += rows(&zones);
                // One that was removed meanwhile has an event of its own.
                read += chunk.len() as u64;
                hand(out, Finding::Page(Page::of(zones, read, ids.len() as u64))).await?;
            }
            Ok(Summary { zones: read, records, newest })
        }
    }
}

/// All of Odoo's zones with their records, a part at a time.
struct Parts {
    odoo: Odoo,
    /// After this id the next page begins; `None`: there is no more.
    last: Option<u64>,
    /// Parts of a page that nobody completes yet.
    bare: VecDeque<Part>,
    /// Those that are being completed, or are waiting to be taken. Odoo hangs up where its answer is not read for two seconds,
    /// so that each has a task, which goes on while the loop has its hands full.
    complete: JoinSet<Result<Vec<OdooZone>, OdooError>>,
}

impl Parts {
    fn of(odoo: Odoo) -> Self {
        Self { odoo, last: Some(0), bare: VecDeque::new(), complete: JoinSet::new() }
    }

    /// The next one that is complete; `None`: there is no more.
    async fn next(&mut self) -> Result<Option<Vec<OdooZone>>, Stopped> {
        while self.complete.len() < PARTS_AT_ONCE {
            if let (true, Some(last)) = (self.bare.is_empty(), self.last) {
                self.bare = self.odoo.page(last).await?.into();
                self.last = self.bare.back().and_then(|part| part.keys().next_back().copied());
            }
            let Some(part) = self.bare.pop_front() else { break };
            let mut odoo = self.odoo.clone();
            self.complete.spawn(async move { odoo.complete(part).await });
        }
        match self.complete.join_next().await {
            Some(Ok(zones)) => Ok(Some(zones?)),
            Some(Err(error)) => Err(Stopped::Words(format!("reading Odoo's records: {error}"))),
            None => Ok(None),
        }
    }
}

async fn recollect(
    ids: &[u64],
    names: &[Name],
    odoo: &mut Odoo,
    out: &mpsc::Sender<Finding>,
) -> Result<Summary, Stopped> {
    let mut summary = Summary::default();
    let by_id = ids.chunks(CHUNK).map(|ids| (ids, &[][..]));
    let by_name = names.chunks(CHUNK).map(|names| (&[][..], names));
    for (ids, names) in by_id.chain(by_name) {
        let zones = odoo.zones_whole(ids, names).await?;
        summary.zones += zones.len() as u64;
        summary.records += rows(&zones);
        let page = Page::of(zones, 0, 0);
        let gone = missing(names, &page);
        hand(out, Finding::Page(page)).await?;
        hand(out, Finding::Gone(gone)).await?;
    }
    Ok(summary)
}

/// Which of these names the page does not have.
fn missing(names: &[Name], page: &Page) -> Vec<Name> {
    let found: HashSet<&Name> = page.targets.iter().map(|target| &target.zone).collect();
    names.iter().filter(|name| !found.contains(name)).cloned().collect()
}

fn rows(zones: &[OdooZone]) -> u64 {
    zones.iter().map(|zone| zone.rows.len() as u64).sum()
}

/// Whether all zones were read: no fewer than there were before and than there are now. Where some came and others went
/// meanwhile, this may say no without need; the next sweep finds out.
fn is_whole(before: u64, read: u64, after: u64) -> Result<(), String> {
    let least = before.min(after);
    if read < least {
        return Err(format!("Odoo has {least} zones, and {read} of them came: the list is cut short"));
    }
    Ok(())
}

async fn hand(out: &mpsc::Sender<Finding>, finding: Finding) -> Result<(), Stopped> {
    out.send(finding).await.map_err(|_| Stopped::Unwanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::Secret;
    use crate::sync::odoo_api::OdooSettings;

    #[test]
    fn a_list_that_is_cut_is_told() {
        assert_eq!(is_whole(0, 0, 0), Ok(()));
        assert_eq!(is_whole(10, 10, 10), Ok(()));
        // Three came, or three went, while it was read.
        assert_eq!(is_whole(10, 12, 13), Ok(()));
        assert_eq!(is_whole(13, 11, 10), Ok(()));
        let words = is_whole(10, 9, 10).unwrap_err();
        assert_eq!(words, "Odoo has 10 zones, and 9 of them came: the list is cut short");
        assert!(is_whole(10, 0, 10).is_err());
        assert!(is_whole(13, 9, 10).is_err());
    }

    #[test]
    fn only_what_is_not_found_is_missing() {
        let zone = |id: u64, name: &str| OdooZone { id, name: name.into(), is_synced: true, rows: vec![] };
        let page = Page::of(vec![zone(1, "A.u.hams.test"), zone(2, "no..name")], 0, 0);
        let names = ["a.u.hams.test", "b.u.hams.test"].map(|name| Name::absolute(name).unwrap());
        assert_eq!(missing(&names, &page), [names[1].clone()]);
        assert_eq!(missing(&[], &page), []);
    }

    #[tokio::test]
    async fn without_powerdns_the_end_is_an_error() {
        let odoo = OdooSettings {
            // Port 9 of the loopback: nothing listens on the discard port of a test machine.
            url: "http://127.0.0.1:9".into(),
            database: "hams_prod".into(),
            key: "/nonexistent".into(),
            key_source: "/nonexistent".into(),
        };
        let mut odoo = Odoo::new(odoo).unwrap();
        let powerdns = PowerDns::new("http://127.0.0.1:9/api", &Secret::new("key")).unwrap();
        let (out, mut findings) = mpsc::channel(1);
        read(&Scope::Full, &mut odoo, &powerdns, out).await;
        match findings.recv().await {
            Some(Finding::End(Err(words))) => assert!(words.contains("PowerDNS's API"), "{words}"),
            other => panic!("{other:?}"),
        }
        assert!(findings.recv().await.is_none());
    }
}
