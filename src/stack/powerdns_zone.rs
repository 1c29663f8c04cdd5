//! The parent zone of the personal zones (`u.DOMAIN`), with the node's name servers at its apex.

use crate::dns::{Change as RrSetChange, Key, Name, NameError, RecordType, Zone};
use crate::host::{BoxFuture, Change, Error, Finding, Host, Progress, Resource};
use crate::secrets::Secret;
use crate::sync::{PowerDns, PowerDnsError, RemoteZone};

/// Whose the zone is in PowerDNS's terms: not the agent's, so that no event and no sweep touches it.
const ACCOUNT: &str = "hams-install";

/// The zone, through PowerDNS's API.
pub struct ParentZone {
    unit: &'static str,
    client: PowerDns,
    zone: Zone,
    apex: Key,
}

/// A parent zone that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum ParentZoneError {
    /// Its name or a name server's.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The client of the API.
    #[error(transparent)]
    Client(#[from] PowerDnsError),
}

impl ParentZone {
    /// The zone `name` (absolute) with `nameservers` (absolute), behind the API at `api` of the server that `unit` runs.
    pub fn new(
        unit: &'static str,
        api: &str,
        key: &Secret,
        name: &str,
        nameservers: &[String],
    ) -> Result<Self, ParentZoneError> {
        let name = Name::absolute(name)?;
        let nameservers =
            nameservers.iter().map(|name| Name::absolute(name)).collect::<Result<Vec<_>, _>>()?;
        let zone = Zone::check(&name, Vec::new(), &nameservers).zone;
        let apex = Key { name, rtype: RecordType::Ns };
        Ok(Self { unit, client: PowerDns::new(api, key)?, zone, apex })
    }

    fn difference(&self, found: &RemoteZone) -> Option<String> {
        let wanted = &self.zone.rrsets.get(&self.apex)?.records;
        let apex =
            found.stored.iter().find(|rrset| rrset.rtype == "NS" && rrset.name == self.zone.name.as_str());
        let present = apex.map(|rrset| rrset.records.clone()).unwrap_or_default();
        let words =
            |names: &std::collections::BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(" ");
        (present != *wanted)
            .then(|| format!("its name servers are {}, not {}", words(&present), words(wanted)))
    }
}

impl Resource for ParentZone {
    fn id(&self) -> String {
        format!("powerdns:zone:{}", self.zone.name)
    }

    fn describe(&self) -> String {
        format!("serve the zone {}", self.zone.name)
    }

    fn inspect<'a>(&'a self, host: &'a Host) -> BoxFuture<'a, Result<Finding, Error>> {
        Box::pin(async {
            if !host.systemd().await?.state(self.unit).await?.is_running() {
                return Ok(Finding::differs("PowerDNS is not running yet"));
            }
            Ok(match self.client.zone(&self.zone.name).await {
                Ok(None) => Finding::differs("the zone does not exist"),
                Ok(Some(found)) => Finding::from_reasons(self.difference(&found).into_iter().collect()),
                // The running server still has the configuration of before; the step before this one restarts it.
                Err(PowerDnsError::Key) => Finding::differs("PowerDNS does not know the API key yet"),
                Err(PowerDnsError::Unreachable { .. }) => {
                    Finding::differs("PowerDNS's API does not answer yet")
                }
                Err(error) => return Err(unexpected(error)),
            })
        })
    }

    fn undo<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Option<Change>, Error>> {
        // The zone lives in the database, which has an entry of its own.
        Box::pin(async { Ok(None) })
    }

    fn apply<'a>(&'a self, _host: &'a Host, _progress: &'a Progress) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async {
            let name = &self.zone.name;
            if self.client.zone(name).await.map_err(unexpected)?.is_none() {
                self.client.create(&self.zone, ACCOUNT).await.map_err(unexpected)?;
                // A name asked for before stays wrong in the cache for 20 s otherwise (facts/powerdns.md §1).
                return self.client.flush(name).await.map_err(unexpected);
            }
            let apex = self.zone.rrsets.get(&self.apex).cloned();
            let changes: Vec<RrSetChange> = apex.into_iter().map(RrSetChange::Replace).collect();
            self.client.patch(name, &changes).await.map(drop).map_err(unexpected)
        })
    }
}

fn unexpected(error: PowerDnsError) -> Error {
    Error::Unexpected(error.to_string())
}
