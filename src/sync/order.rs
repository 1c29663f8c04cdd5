//! An operator's order to compare zones now, and what is told of it while it is carried out: the control socket's
//! `POST /sync` as both of its sides see it. Keys are only ever added.

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::dns::{Name, NameError};

/// Lines that wait for a reader before the sync waits for it, too.
const LINES_AHEAD: usize = 64;

/// The body of the request.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncRequest {
    /// The one zone that is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// All zones are meant.
    #[serde(default)]
    pub all: bool,
    /// Nothing is written.
    #[serde(default)]
    pub dry_run: bool,
    /// However many zones may be removed.
    #[serde(default)]
    pub force: bool,
}

/// A request that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Neither or both.
    #[error("it must be either one zone or all of them")]
    Which,
    /// No name of a zone.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A single zone has no cap.
    #[error("`force` is for all zones")]
    Force,
}

/// Which zones are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// This one.
    Zone(Name),
    /// Every one.
    All,
}

/// An order on its way to the sync.
#[derive(Debug)]
pub struct SyncOrder {
    /// Which zones.
    pub which: Which,
    /// Nothing is written.
    pub is_dry_run: bool,
    /// However many zones may be removed.
    pub has_force: bool,
    /// Where it is told what comes of it. The last line is a summary or an error; a closed channel means that nobody wants to
    /// know any more.
    pub lines: mpsc::Sender<SyncLine>,
}

/// One line of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncLine {
    /// How far it has come.
    Progress(SyncProgress),
    /// One zone that was not as it should be.
    Zone(SyncedZone),
    /// It is over.
    Summary(SyncSummary),
    /// It came to nothing, in words.
    Error(String),
}

/// How many zones were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncProgress {
    /// So many.
    pub read: u64,
    /// Of so many.
    pub of: u64,
}

/// What a zone lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deed {
    /// It is not there.
    Create,
    /// It has another content.
    Change,
    /// It should not be there.
    Remove,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It is done.
    Done,
    /// It would be done, were this no dry run.
    Pending,
    /// It is held back by the cap.
    Held,
    /// It cannot be done, or not all of it.
    Failed,
}

/// One zone that was not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncedZone {
    /// Its name.
    pub zone: String,
    /// What it lacks.
    pub deed: Deed,
    /// What became of it.
    pub fate: Fate,
    /// A line a record: `- ` before what goes, `+ ` before what comes.
    #[serde(default)]
    pub changes: Vec<String>,
    /// Why it was held back or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The whole.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SyncSummary {
    /// Zones that were compared.
    pub zones: u64,
    /// Zones that were created or changed, or would be.
    pub changed: u64,
    /// Zones that were removed, or would be.
    pub removed: u64,
    /// Zones that Odoo does not have and that stay because of the cap.
    pub held: u64,
    /// Zones that could not be brought to what they should be.
    pub failed: u64,
    /// Nothing was written.
    pub dry_run: bool,
    /// Why zones were held back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl SyncOrder {
    /// The order that a request makes, and where its lines come out.
    pub fn new(request: &SyncRequest) -> Result<(Self, mpsc::Receiver<SyncLine>), RequestError> {
        let which = match (&request.zone, request.all) {
            (Some(_), false) if request.force => return Err(RequestError::Force),
            (Some(zone), false) => Which::Zone(Name::absolute(zone)?),
            (None, true) => Which::All,
            _ => return Err(RequestError::Which),
        };
        let (lines, told) = mpsc::channel(LINES_AHEAD);
        Ok((Self { which, is_dry_run: request.dry_run, has_force: request.force, lines }, told))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(text: &str) -> Result<SyncOrder, String> {
        let request = serde_json::from_str::<SyncRequest>(text).map_err(|error| error.to_string())?;
        SyncOrder::new(&request).map(|(order, _)| order).map_err(|error| error.to_string())
    }

    #[test]
    fn requests() {
        let one = order(r#"{"zone": "K6BP.u.hams.test", "dry_run": true}"#).unwrap();
        let name = Name::absolute("k6bp.u.hams.test.").unwrap();
        assert_eq!((one.which, one.is_dry_run, one.has_force), (Which::Zone(name), true, false));
        let all = order(r#"{"all": true, "force": true}"#).unwrap();
        assert_eq!((all.which, all.is_dry_run, all.has_force), (Which::All, false, true));
        for (text, part) in [
            ("{}", "either one zone or all"),
            (r#"{"zone": "a.test", "all": true}"#, "either one zone or all"),
            (r#"{"zone": "a..test"}"#, "empty label"),
            (r#"{"zone": "a.test", "force": true}"#, "for all zones"),
            (r#"{"al": true}"#, "unknown field `al`"),
            ("7", "invalid type: integer"),
        ] {
            let error = order(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn lines_have_one_key_each() {
        let zone = SyncedZone {
            zone: "a.u.hams.test.".into(),
            deed: Deed::Change,
            fate: Fate::Pending,
            changes: vec!["- a.u.hams.test. 300 A 192.0.2.1".into()],
            reason: None,
        };
        let summary = SyncSummary { zones: 9, changed: 1, dry_run: true, ..SyncSummary::default() };
        for (line, text) in [
            (
                SyncLine::Progress(SyncProgress { read: 500, of: 900 }),
                r#"{"progress":{"read":500,"of":900}}"#,
            ),
            (
                SyncLine::Zone(zone),
                r#"{"zone":{"zone":"a.u.hams.test.","deed":"change","fate":"pending","changes":["- a.u.hams.test. 300 A 192.0.2.1"]}}"#,
            ),
            (
                SyncLine::Summary(summary),
                r#"{"summary":{"zones":9,"changed":1,"removed":0,"held":0,"failed":0,"dry_run":true}}"#,
            ),
            (SyncLine::Error("no".into()), r#"{"error":"no"}"#),
        ] {
            assert_eq!(serde_json::to_string(&line).unwrap(), text);
            assert_eq!(serde_json::from_str::<SyncLine>(text).unwrap(), line);
        }
    }
}
