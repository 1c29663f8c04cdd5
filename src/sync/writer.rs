//! The one place that writes to PowerDNS, one request in flight for the whole server: reads the zone, compares,
//! and sends the difference in one PATCH, or creates or removes the zone.

use std::collections::BTreeSet;

use tracing::{debug, info, warn};

use super::contents::Contents;
use super::powerdns::{ACCOUNT, PowerDns, PowerDnsError};
use super::reason::{Reason, Rejection};
use crate::dns::{Change, Key, Name, RecordType, Zone, diff};

/// Rounds of reading and writing before a zone that keeps changing under the writer is tried later.
const MAX_ROUNDS: usize = 4;

/// Why a zone could not be brought to its wanted state.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriterError {
    /// Will pass; the same again later.
    #[error("{0}")]
    Transient(String),
    /// Will never pass.
    #[error(transparent)]
    Permanent(#[from] Rejection),
}

/// What writing came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Applied {
    /// True if PowerDNS was changed.
    pub(super) is_changed: bool,
    /// The zone's serial, where PowerDNS told it.
    pub(super) serial: Option<u32>,
    /// What the zone holds now, where that is known.
    pub(super) contents: Option<Contents>,
    /// RRsets that PowerDNS refused, each with its reason; all others are applied.
    pub(super) refused: Vec<String>,
}

/// What is known of a zone before it is written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Before<'a> {
    /// Nothing: PowerDNS is asked.
    Unknown,
    /// Most likely there is no such zone.
    Nothing,
    /// This is what it was given, and the serial that it had then.
    Contents(&'a Contents, Option<u32>),
}

/// Writes zones below the managed suffixes, and only those that carry hams' account.
#[derive(Debug)]
pub(super) struct Writer {
    powerdns: PowerDns,
    managed: Vec<Name>,
    /// Created or changed zones whose names PowerDNS may still answer from its cache.
    unflushed: BTreeSet<Name>,
}

impl Writer {
    /// A writer for zones below `managed`.
    pub(super) fn new(powerdns: PowerDns, managed: Vec<Name>) -> Self {
        Self { powerdns, managed, unflushed: BTreeSet::new() }
    }

    /// The server, to be asked and not to be written to.
    pub(super) fn powerdns(&self) -> &PowerDns {
        &self.powerdns
    }

    /// Refuses a zone that is not below a managed suffix: without a request, whatever PowerDNS holds.
    pub(super) fn permit(&self, zone: &Name) -> Result<(), Rejection> {
        if is_managed(&self.managed, zone) {
            return Ok(());
        }
        let suffixes: Vec<&str> = self.managed.iter().map(Name::as_str).collect();
        let text = format!("zone {zone} is not below a managed suffix ({})", suffixes.join(" "));
        Err(Rejection::new(Reason::ForbiddenZone, text))
    }

    /// Gives the zone the wanted content; RRsets under `kept` stay as they are.
    pub(super) async fn upsert(
        &mut self,
        wanted: &Zone,
        kept: &BTreeSet<Key>,
        before: Before<'_>,
    ) -> Result<Applied, WriterError> {
        let name = &wanted.name;
        self.permit(name)?;
        if let Before::Contents(contents, serial) = before {
            if let Some(applied) = self.patch_unseen(wanted, kept, contents, serial).await? {
                return Ok(applied);
            }
        }
        let mut may_exist = !matches!(before, Before::Nothing);
        let (mut is_changed, mut must_start_empty) = (false, false);
        for _ in 0..MAX_ROUNDS {
            let remote = if may_exist { self.powerdns.zone(name).await? } else { None };
            may_exist = true;
            let Some(remote) = remote else {
                let first = if must_start_empty { apex_only(wanted) } else { wanted.clone() };
                self.unflushed.insert(name.clone());
                match self.powerdns.create(&first, ACCOUNT).await {
                    Ok(serial) if !must_start_empty => {
                        self.flush(name).await?;
                        let contents = Some(Contents::compared(wanted, &BTreeSet::new()));
                        return Ok(Applied {
                            is_changed: true,
                            serial: Some(serial),
                            contents,
                            refused: vec![],
                        });
                    }
                    Ok(_) => is_changed = true,
                    Err(PowerDnsError::Exists(_)) => {}
                    // A creation is refused as a whole: the next rounds find out which RRset it was.
                    Err(PowerDnsError::Refused(text)) if !must_start_empty => {
                        debug!(zone = %name, text, "creation refused, starting with the apex alone");
                        must_start_empty = true;
                    }
                    Err(error) => return Err(error.into()),
                }
                continue;
            };
            own(name, &remote.account)?;
            if !remote.is_complete() {
                warn!(zone = %name, "the zone has no SOA, as a creation that was cut off leaves it: starting anew");
                self.powerdns.delete(name).await?;
                is_changed = true;
                continue;
            }
            let changes = diff(&remote.stored, wanted, kept);
            let (serial, refused) = if changes.is_empty() {
                // Whoever put it there may not have come to the flush.
                self.unflushed.insert(name.clone());
                (Some(remote.serial), vec![])
            } else {
                is_changed = true;
                match self.powerdns.patch(name, &changes).await {
                    Ok(serial) => (serial, vec![]),
                    Err(PowerDnsError::NoZone(_)) => continue,
                    Err(PowerDnsError::Refused(_)) => self.patch_in_halves(name, &changes).await?,
                    Err(error) => return Err(error.into()),
                }
            };
            self.flush(name).await?;
            let contents = refused.is_empty().then(|| Contents::compared(wanted, kept));
            return Ok(Applied { is_changed, serial, contents, refused });
        }
        Err(WriterError::Transient(format!("zone {name} keeps changing under the agent")))
    }

    /// Sends what differs from what the zone is remembered to hold. `None`: PowerDNS holds something else, or may, so that
    /// it must be compared.
    async fn patch_unseen(
        &mut self,
        wanted: &Zone,
        kept: &BTreeSet<Key>,
        before: &Contents,
        serial: Option<u32>,
    ) -> Result<Option<Applied>, WriterError> {
        let changes = before.changes(wanted, kept);
        if changes.is_empty() {
            let contents = Some(before.clone());
            return Ok(Some(Applied { is_changed: false, serial, contents, refused: vec![] }));
        }
        let new = match self.powerdns.patch(&wanted.name, &changes).await {
            Ok(new) => new,
            Err(PowerDnsError::NoZone(_) | PowerDnsError::Refused(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if let (Some(old), Some(new)) = (serial, new) {
            if !is_next(old, new) {
                info!(zone = %wanted.name, old, new, "the serial jumps: somebody else has changed the zone, or this agent before it was killed; comparing it");
                return Ok(None);
            }
        }
        let contents = Some(Contents::after(wanted, kept, before));
        Ok(Some(Applied { is_changed: true, serial: new, contents, refused: vec![] }))
    }

    /// Removes the zone.
    pub(super) async fn remove(&mut self, name: &Name) -> Result<Applied, WriterError> {
        self.permit(name)?;
        let Some(remote) = self.powerdns.zone(name).await? else {
            return Ok(Applied { is_changed: false, serial: None, contents: None, refused: vec![] });
        };
        own(name, &remote.account)?;
        self.powerdns.delete(name).await?;
        self.unflushed.remove(name);
        Ok(Applied { is_changed: true, serial: None, contents: None, refused: vec![] })
    }

    /// A refusal is believed while PowerDNS answers a question that nobody can take amiss. What refuses that, too, refuses
    /// everything, as something wrong between here and there does: that will pass.
    pub(super) async fn confirmed(
        &self,
        written: Result<Applied, WriterError>,
    ) -> Result<Applied, WriterError> {
        let is_refusal = match &written {
            Ok(applied) => !applied.refused.is_empty(),
            Err(WriterError::Permanent(rejection)) => rejection.reason == Reason::Refused,
            Err(WriterError::Transient(_)) => false,
        };
        if is_refusal {
            self.powerdns.version().await.map_err(|error| WriterError::Transient(error.to_string()))?;
        }
        written
    }

    /// A PATCH is atomic, so one bad RRset rejects all, and so does a body that is too long: halves of what was refused
    /// lead to it and apply the others. In their order, as a CNAME can only follow what stood at its name.
    async fn patch_in_halves(
        &self,
        name: &Name,
        changes: &[Change],
    ) -> Result<(Option<u32>, Vec<String>), WriterError> {
        let (mut serial, mut refused) = (None, Vec::new());
        let mut parts = halves(changes);
        while let Some(part) = parts.pop() {
            match (self.powerdns.patch(name, part).await, part) {
                (Ok(new), _) => serial = new.or(serial),
                (Err(PowerDnsError::Refused(text)), [change]) => {
                    refused.push(format!("{}: {text}", subject(change)));
                }
                (Err(PowerDnsError::Refused(_)), _) => parts.extend(halves(part)),
                (Err(error), _) => return Err(error.into()),
            }
        }
        Ok((serial, refused))
    }

    async fn flush(&mut self, name: &Name) -> Result<(), WriterError> {
        if self.unflushed.contains(name) {
            self.powerdns.flush(name).await?;
            self.unflushed.remove(name);
        }
        Ok(())
    }
}

impl From<PowerDnsError> for WriterError {
    fn from(error: PowerDnsError) -> Self {
        match error {
            PowerDnsError::Refused(text) => Self::Permanent(Rejection::new(Reason::Refused, text)),
            other => Self::Transient(other.to_string()),
        }
    }
}

/// Whether the zone is below one of these suffixes: they themselves are nobody's to write.
pub(super) fn is_managed(suffixes: &[Name], zone: &Name) -> bool {
    suffixes.iter().any(|suffix| zone != suffix && zone.is_inside(suffix))
}

/// Refuses a zone of another account.
pub(super) fn own(name: &Name, account: &str) -> Result<(), Rejection> {
    if account == ACCOUNT {
        return Ok(());
    }
    let text = format!("zone {name} in PowerDNS belongs to the account `{account}`, not to `{ACCOUNT}`");
    Err(Rejection::new(Reason::ForbiddenZone, text))
}

/// Whether `new` is what one change makes of the serial `old`, as PowerDNS counts by default: one more, or the first or
/// second of a day.
fn is_next(old: u32, new: u32) -> bool {
    new == old.wrapping_add(1) || (new > old && new % 100 <= 1)
}

fn apex_only(zone: &Zone) -> Zone {
    let mut bare = zone.clone();
    bare.rrsets.retain(|key, _| key.name == zone.name && key.rtype == RecordType::Ns);
    bare
}

/// The halves, the first one last: for a stack. One change is its own half.
fn halves(changes: &[Change]) -> Vec<&[Change]> {
    let (first, second) = changes.split_at(changes.len().div_ceil(2));
    [second, first].into_iter().filter(|half| !half.is_empty()).collect()
}

fn subject(change: &Change) -> String {
    match change {
        Change::Delete { name, rtype } => format!("{name} {rtype}"),
        Change::Replace(rrset) => rrset.key.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::Secret;

    #[test]
    fn halves_come_off_a_stack_in_order() {
        let change = |number: usize| Change::Delete { name: format!("{number}."), rtype: "A".into() };
        let changes: Vec<_> = (0..7).map(change).collect();
        let (mut parts, mut seen) = (halves(&changes), Vec::new());
        while let Some(part) = parts.pop() {
            match part {
                [one] => seen.push(one.clone()),
                _ => parts.extend(halves(part)),
            }
        }
        assert_eq!(seen, changes);
        assert_eq!(halves(&changes[..1]), [&changes[..1]]);
    }

    #[test]
    fn a_serial_that_jumps_is_seen() {
        assert!(is_next(2_026_112_601, 2_026_112_602));
        assert!(is_next(2_026_112_599, 2_026_112_600));
        assert!(is_next(2_026_112_507, 2_026_112_601));
        assert!(!is_next(2_026_112_602, 2_026_112_604));
        assert!(!is_next(2_026_112_602, 2_026_112_602));
        assert!(!is_next(2_026_112_602, 2_026_112_601));
    }

    #[test]
    fn only_below_the_managed_suffixes() {
        let powerdns = PowerDns::new("http://127.0.0.1:9/api", &Secret::new("key")).unwrap();
        let writer = Writer::new(powerdns, vec![Name::absolute("u.hams.test").unwrap()]);
        let permit = |text: &str| writer.permit(&Name::absolute(text).unwrap()).is_ok();
        assert!(permit("k6bp.u.hams.test"));
        assert!(permit("a.b.u.hams.test"));
        for text in ["u.hams.test", "hams.test", "xu.hams.test", "test", "example.com"] {
            assert!(!permit(text), "{text}");
        }
    }
}
