//! What a sweep reads of PowerDNS and of Odoo, in pieces that are handed on as they come.

use super::odoo::OdooZone;
use super::odoo_stamp::Stamp;
use super::powerdns_list::Listing;
use super::reference::Target;
use super::target::drafts;
use crate::dns::Name;

/// How much of Odoo a sweep reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    /// Every zone: only this one can tell which zones are gone.
    Full,
    /// The zones that were written since then.
    Changed(Stamp),
}

/// One piece.
#[derive(Debug)]
pub(super) enum Finding {
    /// What PowerDNS has: once, before the first page.
    Listed(Listing),
    /// Some of Odoo's zones.
    Page(Page),
    /// Zones that Odoo was asked for by their names, and does not have.
    Gone(Vec<Name>),
    /// There is no more; an error, in words: nothing can be said of what has not been read.
    End(Result<Summary, String>),
}

/// Zones of Odoo, and how far the reading has come.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) targets: Vec<Target>,
    /// Zones that can never be published, in words.
    pub(super) unusable: Vec<String>,
    /// Zones read so far, with these.
    pub(super) read: u64,
    /// Of how many.
    pub(super) of: u64,
}

/// What was read in all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) zones: u64,
    pub(super) records: u64,
    /// The newest stamp that Odoo had before the first page was read: the next sweep goes on from there.
    pub(super) newest: Option<Stamp>,
}

impl Page {
    /// Sorts zones into those that may be published and those that never can.
    pub(super) fn of(zones: Vec<OdooZone>, read: u64, of: u64) -> Self {
        let mut page = Self { read, of, ..Self::default() };
        for zone in zones {
            match Name::absolute(&zone.name) {
                Ok(name) => page.targets.push(Target {
                    content: Some(drafts(&name, &zone.rows)),
                    zone: name,
                    odoo_id: Some(zone.id),
                    is_synced: zone.is_synced,
                }),
                Err(error) => page.unusable.push(format!("zone with the id {}: {error}", zone.id)),
            }
        }
        page
    }
}
