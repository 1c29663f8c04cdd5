//! The status as a page for a browser: deploy/agent/page.html.j2, filled in anew for each question. It holds all that it
//! shows, loads nothing, and shows nothing of the journal that the status given to it does not have.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use axum::http::{HeaderName, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use minijinja::context;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::status::{CheckStatus, Status, SyncStatus};
use super::words::{self, Line, age, distance, span};
use crate::health::{Measure, State};
use crate::stack::template::{TemplateError, render_html};

const STYLE: &str = include_str!("../../deploy/agent/page.css");
const SCRIPT: &str = include_str!("../../deploy/agent/page.js");
/// Between two looks of the page; through nginx they count with the logins.
const REFRESH: Duration = Duration::from_secs(20);

/// Of the answer: what stands in the page is text, nobody else may frame or keep it, and nothing of it may call anybody else.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let [style, script] = [STYLE, SCRIPT].map(|text| BASE64.encode(Sha256::digest(text)));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; img-src data:; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
});

/// The answer's headers.
pub(super) fn headers() -> [(HeaderName, &'static str); 5] {
    [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, &POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ]
}

/// The page as of `now`.
pub(super) fn html(status: &Status, now: SystemTime) -> Result<String, TemplateError> {
    let problems = problems(status, now);
    let about = problems.first().map(|first| format!(": {}", first.name)).unwrap_or_default();
    let mark = Shown::of(status.state);
    let values = context! {
        title => format!("{} {}{about}", mark.mark, mark.word),
        state => mark,
        headline => headline(status.state),
        tally => tally(&status.checks),
        problems,
        sync => Sync::of(&status.sync, now),
        components => groups(&status.checks, now),
        version => status.version,
        up => When::since(&status.started, now),
        now => When::at(now),
        refresh => REFRESH.as_secs(),
        style => STYLE,
        script => SCRIPT,
    };
    render_html("agent/page.html.j2", include_str!("../../deploy/agent/page.html.j2"), values)
}

/// A state as a sign and a word; the sign's colour is the least of it.
#[derive(Debug, Clone, Copy, Serialize)]
struct Shown {
    word: &'static str,
    mark: &'static str,
    /// Of the picture in the browser's tab.
    colour: &'static str,
}

impl Shown {
    fn of(state: State) -> Self {
        let (mark, colour) = match state {
            State::Ok => ("✓", "1a7f37"),
            State::Unknown => ("?", "57606a"),
            State::Degraded => ("!", "8a5a00"),
            State::Failing => ("✕", "b42318"),
        };
        Self { word: state.as_str(), mark, colour }
    }
}

fn headline(state: State) -> &'static str {
    match state {
        State::Ok => "All is well",
        State::Unknown => "Not everything is known yet",
        State::Degraded => "Something needs a look",
        State::Failing => "Something does not work",
    }
}

/// How many checks have each state, the worst first.
fn tally(checks: &[CheckStatus]) -> String {
    let count = |state| checks.iter().filter(|check| check.state == state).count();
    let states = [State::Failing, State::Degraded, State::Unknown, State::Ok];
    let counted =
        states.map(|state| (count(state), state.as_str())).into_iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = counted.map(|(count, word)| format!("{count} {word}")).collect();
    match parts.is_empty() {
        true => "nothing is checked".to_owned(),
        false => format!("{} checks: {}", checks.len(), parts.join(", ")),
    }
}

/// A time: in words, exactly, and for programs.
#[derive(Debug, Clone, Serialize)]
struct When {
    words: String,
    exact: String,
    rfc: String,
}

impl When {
    /// How long it has been so.
    fn since(time: &str, now: SystemTime) -> Self {
        Self { words: age(time, now), exact: exact(time), rfc: time.to_owned() }
    }

    fn at(time: SystemTime) -> Self {
        let rfc = humantime::format_rfc3339_seconds(time).to_string();
        Self { words: exact(&rfc), exact: exact(&rfc), rfc }
    }
}

/// "2026-11-23 12:00:00 UTC".
fn exact(time: &str) -> String {
    match time.strip_suffix('Z') {
        Some(bare) => format!("{} UTC", bare.replacen('T', " ", 1)),
        None => time.to_owned(),
    }
}

/// Something that is not well by itself, and what is not well because of it.
#[derive(Debug, Serialize)]
struct Problem {
    state: Shown,
    name: String,
    component: String,
    reasons: Vec<String>,
    since: When,
    followers: Vec<String>,
    /// A command that tells more.
    command: Option<String>,
    journal: Vec<String>,
}

/// The causes, the worst first. What nobody has asked yet is none.
fn problems(status: &Status, now: SystemTime) -> Vec<Problem> {
    let checks = &status.checks;
    let is_cause =
        |check: &&CheckStatus| check.state != State::Ok && check.because.is_none() && check.checked.is_some();
    let followers = |name: &str| -> Vec<String> {
        let of_sync = status.sync.because.as_deref() == Some(name);
        let followers = checks.iter().filter(|check| check.because.as_deref() == Some(name));
        followers.map(|check| check.name.clone()).chain(of_sync.then(|| SYNC.to_owned())).collect()
    };
    let of_check = |check: &CheckStatus| {
        let problem = Problem {
            state: Shown::of(check.state),
            name: check.name.clone(),
            component: check.component.clone(),
            reasons: check.reason.iter().cloned().collect(),
            since: When::since(&check.since, now),
            followers: followers(&check.name),
            command: check.unit.as_ref().map(|unit| format!("journalctl -u {unit}")),
            journal: check.journal.clone(),
        };
        (check.state, problem)
    };
    let mut all: Vec<(State, Problem)> = checks.iter().filter(is_cause).map(of_check).collect();
    all.extend(of_sync(&status.sync, now).map(|problem| (status.sync.state, problem)));
    all.sort_by_key(|(state, _)| std::cmp::Reverse(*state));
    all.into_iter().map(|(_, problem)| problem).collect()
}

/// What the status calls the changes on their way.
const SYNC: &str = "dns sync";

/// The sync's own trouble: what it waits for, its sweep's and its key's.
fn of_sync(sync: &SyncStatus, now: SystemTime) -> Option<Problem> {
    if sync.state == State::Ok || sync.because.is_some() {
        return None;
    }
    let doing = format!("{} for {}", words::doing(sync.phase), age(&sync.since, now));
    let sweep = sync.sweep.as_ref();
    let held = sweep.and_then(|sweep| sweep.last_full.as_ref()).and_then(|last| last.summary.reason.clone());
    let key = sync.odoo_key.as_ref().and_then(|key| key.reason.clone());
    let late = sync.oldest_event.as_ref();
    let late = late.map(|time| format!("the oldest event in hand waits for {}", age(time, now)));
    let broken = sweep.and_then(|sweep| sweep.error.clone());
    let all = [Some(doing), sync.reason.clone(), late, broken, held, key];
    Some(Problem {
        state: Shown::of(sync.state),
        name: SYNC.to_owned(),
        component: "agent".to_owned(),
        reasons: all.into_iter().flatten().collect(),
        since: When::since(&sync.since, now),
        followers: Vec::new(),
        command: Some("journalctl -u hams-agent.service".to_owned()),
        journal: Vec::new(),
    })
}

/// The DNS changes.
#[derive(Debug, Serialize)]
struct Sync {
    state: Shown,
    doing: &'static str,
    phase: &'static str,
    since: When,
    reason: Option<String>,
    because: Option<String>,
    counts: Vec<Count>,
    lines: Vec<Told>,
}

#[derive(Debug, Serialize)]
struct Count {
    count: u64,
    words: &'static str,
}

/// A line and the exact time of which it tells the age.
#[derive(Debug, Serialize)]
struct Told {
    text: String,
    at: Option<String>,
}

impl Sync {
    fn of(sync: &SyncStatus, now: SystemTime) -> Self {
        let zones = u64::try_from(sync.zones).unwrap_or(u64::MAX);
        let first = [(zones, "zones known"), (sync.counters.received, "events taken")];
        let last = [(sync.counters.retries, "tried again")];
        let counts = first.into_iter().chain(words::counts(sync)).chain(last);
        let told = |Line { text, at }| Told { text, at: at.as_deref().map(exact) };
        Self {
            state: Shown::of(sync.state),
            doing: words::doing(sync.phase),
            phase: sync.phase.as_str(),
            since: When::since(&sync.since, now),
            reason: sync.reason.clone(),
            because: sync.because.clone(),
            counts: counts.map(|(count, words)| Count { count, words }).collect(),
            lines: words::sync_lines(sync, now).into_iter().map(told).collect(),
        }
    }
}

/// A component with its checks.
#[derive(Debug, Serialize)]
struct Group {
    name: String,
    state: Shown,
    checks: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    state: Shown,
    since: When,
    reason: Option<String>,
    because: Option<String>,
    checked: Option<When>,
    last_ok: Option<When>,
    measures: Vec<Number>,
}

/// A measure as people read it.
#[derive(Debug, PartialEq, Serialize)]
struct Number {
    label: String,
    value: String,
    title: String,
}

/// The checks by component, in the order in which the status has them.
fn groups(checks: &[CheckStatus], now: SystemTime) -> Vec<Group> {
    let mut order: Vec<&str> = Vec::new();
    let mut members: BTreeMap<&str, Vec<&CheckStatus>> = BTreeMap::new();
    for check in checks {
        let all = members.entry(&check.component).or_default();
        if all.is_empty() {
            order.push(&check.component);
        }
        all.push(check);
    }
    let group = |name: &str| {
        let of_it = members.get(name).map(Vec::as_slice).unwrap_or_default();
        let worst = of_it.iter().map(|check| check.state).max().unwrap_or(State::Ok);
        let checks = of_it.iter().map(|check| row(check, now)).collect();
        Group { name: name.to_owned(), state: Shown::of(worst), checks }
    };
    order.into_iter().map(group).collect()
}

fn row(check: &CheckStatus, now: SystemTime) -> Row {
    let when = |time: &Option<String>| time.as_ref().map(|time| When::since(time, now));
    Row {
        name: check.name.clone(),
        state: Shown::of(check.state),
        since: When::since(&check.since, now),
        reason: check.reason.clone(),
        because: check.because.clone(),
        checked: when(&check.checked),
        last_ok: when(&check.last_ok),
        measures: check.measures.iter().map(|measure| number(measure, &check.name, now)).collect(),
    }
}

/// The unit is what the quantity's name ends with. What the check's own name tells already is left out.
fn number(measure: &Measure, check: &str, now: SystemTime) -> Number {
    let name = measure.name.as_str();
    let (bare, value, exactly) = match name {
        _ if name.ends_with("_timestamp_seconds") => {
            let time = SystemTime::UNIX_EPOCH.checked_add(seconds(measure.value)).unwrap_or(now);
            (name.trim_end_matches("_timestamp_seconds"), distance(time, now), When::at(time).exact)
        }
        _ if name.ends_with("_bytes") => {
            (name.trim_end_matches("_bytes"), bytes(measure.value), format!("{} bytes", measure.value))
        }
        _ if name.ends_with("_seconds") => {
            let value = match measure.value {
                short if short.abs() < 60.0 => format!("{short:.3} s"),
                long => span(seconds(long)),
            };
            (name.trim_end_matches("_seconds"), value, format!("{} seconds", measure.value))
        }
        _ if name.ends_with("_ratio") => {
            let percent = format!("{:.0} %", measure.value * 100.0);
            (name.trim_end_matches("_ratio"), percent, measure.value.to_string())
        }
        _ => (name, measure.value.to_string(), measure.value.to_string()),
    };
    let bare = bare.replace('_', " ");
    let label = if check.contains(&measure.of) { bare } else { format!("{bare} of {}", measure.of) };
    Number { label, value, title: format!("{}: {exactly}", measure.name.help()) }
}

/// As far as a duration can be.
fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value.abs()).unwrap_or_default()
}

/// In the largest unit of which there is a whole one.
fn bytes(value: f64) -> String {
    const UNITS: [(f64, &str); 3] =
        [(1024.0 * 1024.0 * 1024.0, "GiB"), (1024.0 * 1024.0, "MiB"), (1024.0, "KiB")];
    match UNITS.iter().find(|(size, _)| value >= *size) {
        Some((size, unit)) => format!("{:.1} {unit}", value / size),
        None => format!("{value} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = r#"{"schema": 1, "version": "0.1.0", "state": "failing", "started": "2026-11-20T10:00:00Z",
        "sync": {"state": "degraded", "phase": "waiting", "since": "2026-11-23T11:59:50Z", "because": "unit pdns.service",
            "reason": "PowerDNS's API does not answer", "last_success": "2026-11-23T11:57:00Z", "zones": 3,
            "counters": {"received": 9, "applied": 5, "unchanged": 1, "dropped_old": 1, "dead_lettered": 2, "retries": 4}},
        "checks": [
            {"name": "rabbitmq amqp", "component": "rabbitmq", "state": "ok", "since": "2026-11-20T10:00:05Z",
                "reason": "version 4.0.5", "checked": "2026-11-23T11:59:45Z", "last_ok": "2026-11-23T11:59:45Z",
                "measures": [{"name": "queue_messages", "of": "dns_zone_updates", "value": 7},
                    {"name": "redis_memory_used_bytes", "of": "redis", "value": 1572864},
                    {"name": "certificate_end_timestamp_seconds", "of": "hams.test", "value": 1795608000}]},
            {"name": "powerdns api", "component": "powerdns", "state": "failing", "since": "2026-11-23T11:59:00Z",
                "reason": "connection refused", "because": "unit pdns.service", "checked": "2026-11-23T11:59:45Z",
                "last_ok": null},
            {"name": "odoo http", "component": "odoo", "state": "degraded", "since": "2026-11-23T11:50:00Z",
                "reason": "<script>alert('it')</script> & \"more\"", "checked": "2026-11-23T11:59:45Z",
                "last_ok": "2026-11-23T11:49:00Z"},
            {"name": "unit pdns.service", "component": "powerdns", "state": "failing", "since": "2026-11-23T11:58:00Z",
                "reason": "failed (exit-code)", "checked": "2026-11-23T11:59:59Z", "last_ok": "2026-11-23T11:57:30Z",
                "measures": [{"name": "unit_restarts", "of": "pdns.service", "value": 3}], "unit": "pdns.service",
                "journal": ["2026-11-23T11:58:00Z <b>out of memory</b>"]},
            {"name": "redis ping", "component": "redis", "state": "unknown", "since": "2026-11-23T11:59:00Z",
                "reason": "not asked yet", "checked": null, "last_ok": null}]}"#;

    fn noon() -> SystemTime {
        humantime::parse_rfc3339("2026-11-23T12:00:00Z").unwrap()
    }

    fn page_of(status: &str) -> String {
        html(&serde_json::from_str(status).unwrap(), noon()).unwrap()
    }

    /// What the page says, without its tags.
    fn text(page: &str) -> String {
        let body = page.split_once("<body").unwrap().1.split_once("<script>").unwrap().0;
        let parts = body.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
        parts.collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The tags that are open at the end of the page; panics at an end that is another tag's.
    fn still_open(page: &str) -> Vec<&str> {
        const EMPTY: [&str; 3] = ["!DOCTYPE", "meta", "link"];
        let mut open: Vec<&str> = Vec::new();
        let mut rest = page;
        while let Some((_, after)) = rest.split_once('<') {
            let (tag, after) = after.split_once('>').expect("the end of a tag");
            rest = after;
            let name = tag.split_whitespace().next().unwrap_or_default();
            match name.strip_prefix('/') {
                Some(end) => assert_eq!(open.pop(), Some(end), "before {}", rest.get(..60).unwrap_or(rest)),
                None if EMPTY.contains(&name) => {}
                None => open.push(name),
            }
            // What stands in these is no markup.
            if name == "style" || name == "script" {
                let end = rest.find(&format!("</{name}>")).expect("its end");
                rest = &rest[end..];
            }
        }
        open
    }

    #[test]
    fn all_that_the_status_has_is_shown() {
        let page = page_of(STATUS);
        let said = text(&page);
        for part in [
            "✕ Something does not work",
            "This node is failing . 5 checks: 2 failing, 1 degraded, 1 unknown, 1 ok.",
            "Look here first ✕ failing unit pdns.service failed (exit-code) powerdns, for 2 min Because of it: powerdns \
             api, dns sync",
            "journalctl -u pdns.service",
            "! degraded odoo http",
            "waiting for 10 s PowerDNS&#x27;s API does not answer because of unit pdns.service",
            "zones known 3 events taken 9 applied 5",
            "dead letters 2 tried again 4",
            "last success 3 min ago",
            "rabbitmq ✓ ok ✓ ok rabbitmq amqp version 4.0.5 queue messages of dns_zone_updates: 7 ; redis memory used of \
             redis: 1.5 MiB",
            "because of unit pdns.service connection refused 1 min never",
            "unit restarts: 3",
            "? unknown redis ping not asked yet",
            "hams-agent 0.1.0, up for 3 days",
        ] {
            assert!(said.contains(part), "{part} is missing in\n{said}");
        }
        for part in [
            "<html lang=\"en\">",
            "<title>✕ failing: unit pdns.service – hams</title>",
            "<time datetime=\"2026-11-23T11:58:00Z\" title=\"2026-11-23 11:58:00 UTC\">2 min</time>",
            "<li title=\"2026-11-23 11:57:00 UTC\">last success",
            "title=\"Memory that Redis uses: 1572864 bytes\"",
            "<noscript><meta http-equiv=\"refresh\" content=\"20\"></noscript>",
        ] {
            assert!(page.contains(part), "{part} is missing in\n{page}");
        }
        // The checks of a component stand together, and what nobody has asked yet is no cause.
        assert_eq!(said.matches("powerdns ✕ failing").count(), 1, "{said}");
        let causes = said.split_once("DNS changes").unwrap().0;
        assert!(!causes.contains("redis ping"), "{causes}");
    }

    #[test]
    fn what_came_from_outside_is_text() {
        let page = page_of(STATUS);
        assert_eq!(still_open(&page), Vec::<&str>::new());
        assert!(!page.contains("<script>alert") && !page.contains("<b>"), "{page}");
        assert!(
            page.contains("&lt;script&gt;alert(&#x27;it&#x27;)&lt;&#x2f;script&gt; &amp; &quot;more&quot;")
        );
        let named = page_of(&STATUS.replace("odoo http", "</title><img src=x>\\\" onload=\\\"x"));
        assert_eq!(still_open(&named), Vec::<&str>::new());
        assert!(!named.contains("<img") && !named.contains("\" onload"), "{named}");
    }

    #[test]
    fn every_state_has_its_words_and_its_sign() {
        let calm = r#"{"schema": 1, "version": "0.1.0", "state": "STATE", "started": "2026-11-20T10:00:00Z",
            "sync": {"state": "ok", "phase": "idle", "since": "2026-11-23T11:00:00Z", "reason": null, "last_success": null,
                "zones": 0, "counters": {"received": 0, "applied": 0, "unchanged": 0, "dropped_old": 0,
                "dead_lettered": 0, "retries": 0}}, "checks": []}"#;
        for (state, sign, words) in [
            (State::Ok, "✓", "All is well"),
            (State::Unknown, "?", "Not everything is known yet"),
            (State::Degraded, "!", "Something needs a look"),
            (State::Failing, "✕", "Something does not work"),
        ] {
            let page = page_of(&calm.replace("STATE", state.as_str()));
            assert_eq!(still_open(&page), Vec::<&str>::new());
            assert!(page.contains(&format!("<title>{sign} {} – hams</title>", state.as_str())), "{page}");
            assert!(text(&page).contains(&format!("{sign} {words}")), "{}", text(&page));
            assert!(!page.contains("Look here first") && !page.contains("<table"), "{page}");
        }
        for phase in ["connecting", "idle", "applying", "waiting", "stopping"] {
            let page = page_of(&calm.replace("\"idle\"", &format!("\"{phase}\"")).replace("STATE", "ok"));
            assert!(page.contains(&format!("title=\"phase: {phase}\"")), "{page}");
        }
    }

    #[test]
    fn the_syncs_own_trouble_is_told_first() {
        let own = STATUS.replace(
            r#""because": "unit pdns.service",
            "reason": "PowerDNS"#,
            r#""odoo_key": {"state": "degraded", "ends": null, "asked": null, "reason": "the key ends"},
            "reason": "PowerDNS"#,
        );
        let said = text(&page_of(&own));
        assert!(
            said.contains("dns sync waiting for 10 s PowerDNS&#x27;s API does not answer the key ends"),
            "{said}"
        );
    }

    /// What the answer's policy lets in is what stands in the page, and that is all that it has.
    #[test]
    fn nothing_else_is_loaded_or_run() {
        let page = page_of(STATUS);
        let policy = headers().iter().find(|(name, _)| *name == header::CONTENT_SECURITY_POLICY).unwrap().1;
        assert!(
            policy.starts_with("default-src 'none';") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        for tag in ["style", "script"] {
            let (_, after) = page.split_once(&format!("<{tag}>")).unwrap();
            let (inside, rest) = after.split_once(&format!("</{tag}>")).unwrap();
            let digest = BASE64.encode(Sha256::digest(inside));
            assert!(policy.contains(&format!("{tag}-src 'sha256-{digest}'")), "{policy}");
            assert!(!rest.contains(&format!("<{tag}")), "there is another one: {page}");
        }
        let own = page.replace("http://www.w3.org/2000/svg", "");
        for foreign in ["http:", "https:", "src=", "@import", "url(", "style=", " on", "innerHTML", "eval"] {
            let found =
                own.find(foreign).map(|at| own[at.saturating_sub(20)..].chars().take(60).collect::<String>());
            assert!(found.is_none() || foreign == " on", "{foreign}: {found:?}");
        }
        assert!(!own.contains(" onclick=") && !own.contains(" onload="), "{own}");
    }

    /// The luminance of a colour by WCAG 2.2, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance.
    fn luminance(colour: &str) -> f64 {
        let part = |at: usize| {
            let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    }

    #[test]
    fn every_colour_can_be_read() {
        let (light, dark) = STYLE.split_once("prefers-color-scheme: dark").unwrap();
        for scheme in [light, dark] {
            let colour = |name: &str| {
                let (_, after) = scheme.split_once(&format!("--{name}: ")).unwrap();
                after.split(';').next().unwrap().to_owned()
            };
            let readable = |front: &str, back: &str, least: f64| {
                let [one, other] = [front, back].map(|name| luminance(&colour(name)) + 0.05);
                let contrast = one.max(other) / one.min(other);
                assert!(contrast >= least, "{front} on {back}: {contrast:.2}");
            };
            for back in ["page", "sheet", "ok-tint", "degraded-tint", "failing-tint", "unknown-tint"] {
                readable("text", back, 7.0);
            }
            for front in ["quiet", "ok", "degraded", "failing", "unknown"] {
                readable(front, "sheet", 4.5);
                readable(front, "page", 4.5);
            }
            for state in ["ok", "degraded", "failing", "unknown"] {
                readable(state, &format!("{state}-tint"), 4.5);
            }
        }
    }

    #[test]
    fn measures_have_units() {
        use crate::health::Quantity;
        let of = |name, value| {
            let number = number(&Measure { name, of: "x".into(), value }, "unit y", noon());
            (number.label, number.value)
        };
        let pair = |label: &str, value: &str| (label.to_owned(), value.to_owned());
        assert_eq!(of(Quantity::QueueMessages, 12.0), pair("queue messages of x", "12"));
        assert_eq!(of(Quantity::RedisMemoryUsedBytes, 512.0), pair("redis memory used of x", "512 bytes"));
        assert_eq!(of(Quantity::RedisMemoryLimitBytes, 268_435_456.0).1, "256.0 MiB");
        let end = noon() + Duration::from_secs(6 * 86_400);
        let end = end.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
        assert_eq!(
            of(Quantity::CertificateEndTimestampSeconds, end),
            pair("certificate end of x", "in 6 days")
        );
    }
}
