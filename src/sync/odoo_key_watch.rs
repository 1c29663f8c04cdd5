//! Keeps the key to Odoo alive: asks Odoo once a day how long it lives, and before its end has it make another one, writes
//! that one down, tries it, and revokes the one before it. Each step is kept before the next one is made, so that it is gone on
//! with after a stop at any moment. Where Odoo makes none, it says so in time.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::{debug, info, warn};

use super::memory::MemoryError;
use super::odoo_api::{OdooApi, OdooError};
use super::odoo_key_store::{Kept, KeyStore};
use super::odoo_key_term::{DAY, KeyRow, Term, own_name, term};
use super::odoo_keys::digest;
use super::odoo_stamp::Stamp;
use super::progress::{KeyProgress, Progress};
use crate::secrets::Secret;

const KEYS: &str = "res.users.apikeys";
/// First wait after something was away, doubled up to the last.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LAST_WAIT: Duration = Duration::from_secs(600);

/// A look that came to nothing: the next one goes on where it stopped.
#[derive(Debug, thiserror::Error)]
enum LookError {
    #[error(transparent)]
    Odoo(#[from] OdooError),
    #[error(transparent)]
    Disk(#[from] MemoryError),
}

#[derive(serde::Deserialize)]
struct Account {
    uid: u64,
}

/// Looks after the key.
pub(super) struct KeyWatch {
    api: OdooApi,
    store: KeyStore,
    progress: watch::Sender<Progress>,
    /// What the log has been told of.
    said: BTreeSet<String>,
}

impl KeyWatch {
    pub(super) fn new(api: OdooApi, store: KeyStore, progress: watch::Sender<Progress>) -> Self {
        progress.send_modify(|progress| progress.key = Some(KeyProgress::default()));
        Self { api, store, progress, said: BTreeSet::new() }
    }

    /// Runs until it is dropped.
    pub(super) async fn run(mut self) {
        let mut wait = FIRST_WAIT;
        loop {
            match self.look().await {
                Ok(next) => {
                    wait = FIRST_WAIT;
                    sleep(next).await;
                }
                Err(error) => {
                    // Those who have something to read in Odoo tell that it is away.
                    match &error {
                        LookError::Odoo(error) => debug!("{error}; how long its key lives is not known"),
                        LookError::Disk(error) => {
                            self.say_once("disk".into(), &format!("{error}; the key to Odoo stays as it is"));
                        }
                    }
                    sleep(wait).await;
                    wait = (wait * 2).min(LAST_WAIT);
                }
            }
        }
    }

    /// Looks at it once, and does what is to be done; gives how long it may be left alone.
    async fn look(&mut self) -> Result<Duration, LookError> {
        let path = self.api.key_source().to_owned();
        let file = self.api.keys().of_file().map_err(|source| OdooError::NoKey { path, source })?;
        if self.store.kept().from != digest(&file) {
            self.store.step(|kept| kept.other_file(digest(&file))).await?;
        }
        // First of all: it may be the only one that still works.
        self.try_coming().await?;
        let account: Account = self.api.call("res.users", "context_get", &json!({})).await?;
        self.is_own_there(&file).await?;
        let mut rows = self.rows(account.uid).await?;
        self.forget_asking(&rows).await?;
        self.revoke(&file).await?;
        let mut refusal = None;
        if let Some(term) = self.term(&rows).filter(|term| self.is_wanted(term)) {
            refusal = self.renew(&term, &file).await?;
            rows = self.rows(account.uid).await?;
        }
        let (term, now) = (self.term(&rows), self.now());
        let due = term.filter(|term| term.is_due(now));
        let reason = due.map(|term| warning(&term, refusal.as_deref(), self.api.key_source(), now));
        if let Some(reason) = &reason {
            self.say_once(refusal.unwrap_or_default(), reason);
        }
        let key = KeyProgress { ends: term.map(|term| term.ends), asked: Some(SystemTime::now()), reason };
        self.progress.send_modify(|progress| progress.key = Some(key));
        Ok(term.map_or(DAY, |term| term.wait(now)))
    }

    /// Odoo's database may be one of before the key was changed: then it knows the one in the file again, and no other.
    async fn is_own_there(&mut self, file: &Secret) -> Result<(), LookError> {
        let own = self.store.kept().in_use.clone().filter(|_| self.api.keys().is_own_refused());
        let Some(own) = own else { return Ok(()) };
        if self.works(&own.key).await? {
            self.store.share();
            return Ok(());
        }
        if !self.works(file).await? {
            return Ok(());
        }
        warn!(
            "Odoo does not know the key `{}` any more, and does know the one in {}",
            own.name,
            self.api.key_source()
        );
        Ok(self.store.step(Kept::own_is_lost).await?)
    }

    /// Whether Odoo takes this key.
    async fn works(&mut self, key: &Secret) -> Result<bool, OdooError> {
        match self.api.call_as::<Value>(key, "res.users", "context_get", &json!({})).await {
            Ok(_) => Ok(true),
            Err(OdooError::Key { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What stands in Odoo of the account's keys; an administrator would be shown those of others, too.
    async fn rows(&mut self, uid: u64) -> Result<Vec<KeyRow>, OdooError> {
        let fields = ["name", "create_date", "expiration_date"];
        let arguments = json!({ "domain": [["user_id", "=", uid]], "fields": fields });
        self.api.call(KEYS, "search_read", &arguments).await
    }

    /// By Odoo's clock, which ends its keys.
    fn now(&self) -> SystemTime {
        self.api.time().unwrap_or_else(SystemTime::now)
    }

    fn term(&self, rows: &[KeyRow]) -> Option<Term> {
        let own = self.store.kept().in_use.as_ref().map(|own| own.name.as_str());
        term(rows, own, self.now())
    }

    fn is_wanted(&self, term: &Term) -> bool {
        let asked = self.store.kept().asked_at.as_ref().and_then(Stamp::time);
        term.is_due(self.now()) && term.may_ask(asked, self.now())
    }

    /// A stop has left the name of a key whose making came to an unknown end.
    async fn forget_asking(&mut self, rows: &[KeyRow]) -> Result<(), LookError> {
        let Some(name) = &self.store.kept().asked else { return Ok(()) };
        if rows.iter().any(|row| row.name == *name) {
            warn!("Odoo has made a key that never came here: remove `{name}` from the keys of its account");
        }
        Ok(self.store.step(Kept::unanswered).await?)
    }

    /// Changes to the key that was made and not yet tried, if it works.
    async fn try_coming(&mut self) -> Result<(), LookError> {
        let Some(coming) = self.store.kept().coming.clone() else { return Ok(()) };
        if self.works(&coming.key).await? {
            self.store.step(Kept::changed).await?;
            info!("the key to Odoo is another one now: `{}`", coming.name);
        } else {
            warn!("Odoo refuses the key that it has made, `{}`; the one before it stays", coming.name);
            self.store.step(Kept::useless).await?;
        }
        Ok(())
    }

    /// Revokes what was replaced.
    async fn revoke(&mut self, file: &Secret) -> Result<(), LookError> {
        for going in self.store.kept().going.clone() {
            if self.is_revoked(&going.key, &going.name).await? {
                self.store.step(|kept| kept.gone(&going)).await?;
            }
        }
        let source = self.api.key_source().to_owned();
        if self.store.kept().is_file_going && self.is_revoked(file, &source).await? {
            self.store.step(Kept::file_is_gone).await?;
        }
        Ok(())
    }

    /// Has Odoo revoke a key that asks for it itself: one that is refused is gone.
    async fn is_revoked(&mut self, key: &Secret, name: &str) -> Result<bool, OdooError> {
        match self.api.call_as::<Value>(key, KEYS, "revoke", &json!({ "key": key.expose() })).await {
            Ok(_) | Err(OdooError::Key { .. }) => {}
            Err(error @ OdooError::Refused { .. }) => {
                if self.works(key).await? {
                    let words = format!("{error}; the replaced key to Odoo ({name}) stays until its end");
                    self.say_once(name.to_owned(), &words);
                    return Ok(false);
                }
            }
            Err(error) => return Err(error),
        }
        info!("the key to Odoo that was replaced is revoked: {name}");
        Ok(true)
    }

    /// Has Odoo make the next one and changes to it; gives why Odoo makes none.
    async fn renew(&mut self, term: &Term, file: &Secret) -> Result<Option<String>, LookError> {
        let now = self.now();
        // Without random numbers its second tells it from the others.
        let name = own_name(now, getrandom::u32().unwrap_or_default());
        let before = self.store.kept().clone();
        let current = before.in_use.as_ref().map_or(file, |own| &own.key).clone();
        self.store.step(|kept| kept.ask(name.clone(), now)).await?;
        let arguments = json!({
            "key": current.expose(), "scope": "rpc", "name": name,
            "expiration_date": Stamp::from(term.next_end(now)).as_str(),
        });
        let made = match self.api.call_as::<String>(&current, KEYS, "generate", &arguments).await {
            Ok(key) => Secret::new(key),
            Err(OdooError::Refused { status, words, .. }) => {
                // Nothing was made, so that the next attempt need not wait for a day.
                self.store.keep(before).await?;
                return Ok(Some(refusal(status, &words)));
            }
            Err(error) => return Err(error.into()),
        };
        if let Err(error) = self.store.step(|kept| kept.made(made.clone())).await {
            // What cannot be kept is not to stay open.
            self.is_revoked(&made, &name).await?;
            return Err(error.into());
        }
        self.try_coming().await?;
        self.revoke(file).await?;
        Ok(None)
    }

    /// Says it in the log, once for each `topic`.
    fn say_once(&mut self, topic: String, words: &str) {
        if self.said.insert(topic) {
            warn!("{words}");
        }
    }
}

fn warning(term: &Term, refusal: Option<&str>, path: &str, now: SystemTime) -> String {
    let which = match term.others {
        0 => String::new(),
        others => {
            format!(" (its account has {others} that end later; which one is in use, Odoo does not tell)")
        }
    };
    let why = refusal.unwrap_or("Odoo was asked for another one less than a day ago");
    let (left, ends) = (left_words(term.left(now)), Stamp::from(term.ends));
    format!(
        "the key to Odoo ends in {left}, at {} UTC{which}: {why}; have a new one written to {path}",
        ends.as_str()
    )
}

/// Why Odoo makes no key, and what would make it.
fn refusal(status: StatusCode, words: &str) -> String {
    match status {
        StatusCode::NOT_FOUND => {
            "this Odoo has no way for an account to make its own (later ones of 19.0 have)".to_owned()
        }
        _ => format!(
            "Odoo makes no other one (\"{words}\"); its system parameter `base.enable_programmatic_api_keys` would let it"
        ),
    }
}

fn left_words(left: Duration) -> String {
    match left.as_secs() / 3600 {
        hours @ 0..48 => format!("{hours} h"),
        hours => format!("{} days", hours / 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_operator_is_told() {
        let time = |text: &str| Stamp::try_from(text.to_owned()).unwrap().time().unwrap();
        let rows = json!([
            { "name": "dns_sync_key", "create_date": "2026-09-06 12:00:00", "expiration_date": "2026-12-05 12:30:00" },
            { "name": "by hand", "create_date": "2026-09-06 12:00:00", "expiration_date": "2027-01-05 12:30:00" },
        ]);
        let rows: Vec<KeyRow> = serde_json::from_value(rows).unwrap();
        let now = time("2026-11-29 12:00:00");
        let one = term(&rows[..1], None, now).unwrap();
        assert_eq!(
            warning(&one, Some(&refusal(StatusCode::NOT_FOUND, "no such method")), "/keys/k", now),
            "the key to Odoo ends in 6 days, at 2026-12-05 12:30:00 UTC: this Odoo has no way for an account to make its own \
             (later ones of 19.0 have); have a new one written to /keys/k"
        );
        let two = warning(&term(&rows, None, now).unwrap(), None, "/keys/k", time("2026-12-04 12:30:00"));
        assert!(two.contains("ends in 24 h") && two.contains("its account has 1 that end later"), "{two}");
        let words = refusal(StatusCode::UNPROCESSABLE_ENTITY, "Programmatic API keys are not enabled");
        assert!(
            words.contains("not enabled") && words.contains("base.enable_programmatic_api_keys"),
            "{words}"
        );
    }
}
