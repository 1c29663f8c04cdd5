//! What is in the broker: users, permissions, queues, policies, compared with the definitions file.
//!
//! One `rabbitmqctl` call costs three quarters of a second, so all is asked at once by exporting the definitions.
//! An import reports no drift (facts/stack.md §3): what differs is found here.

use crate::host::command::Command;
use crate::host::{BoxFuture, Change, Error, Finding, Host, Progress, Resource};
use serde_json::{Map, Value};
use std::time::Duration;

const PACKAGE: &str = "rabbitmq-server";
const LIMIT: Duration = Duration::from_secs(90);
/// Each list of a definitions file, and the keys that name an object in it.
const LISTS: [(&str, &[&str]); 7] = [
    ("vhosts", &["name"]),
    ("users", &["name"]),
    ("permissions", &["user", "vhost"]),
    ("queues", &["name", "vhost"]),
    ("exchanges", &["name", "vhost"]),
    ("bindings", &["source", "vhost", "destination"]),
    ("policies", &["name", "vhost"]),
];

/// The broker's objects as the definitions file `path` has them.
pub struct Objects {
    unit: &'static str,
    path: &'static str,
    wanted: Value,
}

impl Objects {
    /// The id of the one such set of a plan.
    pub fn id_of() -> String {
        "rabbitmq:objects".into()
    }

    /// The objects of `definitions`, which stands at `path`, in the broker that `unit` runs.
    pub fn new(unit: &'static str, path: &'static str, definitions: &str) -> Result<Self, String> {
        let wanted = serde_json::from_str(definitions);
        Ok(Self {
            unit,
            path,
            wanted: wanted.map_err(|error| format!("the broker's definitions are no JSON: {error}"))?,
        })
    }

    fn names(&self, list: &str) -> Vec<String> {
        objects(&self.wanted, list)
            .iter()
            .filter_map(|object| Some(object["name"].as_str()?.to_owned()))
            .collect()
    }

    async fn export(&self, host: &Host) -> Result<Option<Value>, Error> {
        if !host.systemd().await?.state(self.unit).await?.is_running() {
            return Ok(None);
        }
        let text = rabbitmqctl(&["export_definitions", "-", "--format", "json"]).run().await?;
        let start = text.find('{').unwrap_or(0);
        let parsed = serde_json::from_str(&text[start..]);
        parsed.map(Some).map_err(|error| {
            Error::Unexpected(format!("`rabbitmqctl export_definitions` gave no JSON: {error}"))
        })
    }

    fn differences(&self, actual: &Value) -> Vec<String> {
        let mut reasons = Vec::new();
        for (list, keys) in LISTS {
            for wanted in objects(&self.wanted, list) {
                let same = |object: &&Map<String, Value>| {
                    keys.iter().all(|key| object.get(*key) == wanted.get(*key))
                };
                let name =
                    keys.iter().filter_map(|key| wanted.get(*key)?.as_str()).collect::<Vec<_>>().join(" ");
                match objects(actual, list).into_iter().find(same) {
                    None => reasons.push(format!("{list}: {name} is not there")),
                    Some(found) => {
                        let differing = wanted
                            .iter()
                            .filter(|(key, value)| !matches(value, found.get(*key)))
                            .map(|(key, _)| key);
                        reasons.extend(differing.map(|key| format!("{list}: {name} has another {key}")));
                    }
                }
            }
        }
        if objects(actual, "users").iter().any(|user| user["name"] == "guest") {
            reasons.push("users: guest is there".into());
        }
        reasons.extend(self.queue_arguments(actual));
        reasons
    }

    /// Queue arguments cannot be changed, and would make a plain `queue_declare(durable=True)` fail.
    fn queue_arguments(&self, actual: &Value) -> Vec<String> {
        let ours = self.names("queues");
        let queues = objects(actual, "queues").into_iter().filter(|queue| {
            let named = queue["name"].as_str().is_some_and(|name| ours.iter().any(|own| own == name));
            let arguments = queue.get("arguments").and_then(Value::as_object);
            named
                && arguments.is_some_and(|arguments| {
                    arguments.iter().any(|(key, value)| key != "x-queue-type" || value != "classic")
                })
        });
        queues
            .map(|queue| format!("queues: {} was declared with arguments of its own", queue["name"]))
            .collect()
    }
}

impl Resource for Objects {
    fn id(&self) -> String {
        Self::id_of()
    }

    fn describe(&self) -> String {
        "set up RabbitMQ's users, permissions, queues and policies".into()
    }

    fn inspect<'a>(&'a self, host: &'a Host) -> BoxFuture<'a, Result<Finding, Error>> {
        Box::pin(async {
            Ok(match self.export(host).await? {
                None => Finding::differs("the broker is not running yet"),
                Some(actual) => Finding::from_reasons(self.differences(&actual)),
            })
        })
    }

    fn undo<'a>(&'a self, _host: &'a Host) -> BoxFuture<'a, Result<Option<Change>, Error>> {
        Box::pin(async {
            let commands = |verb: &str, list: &str| -> Vec<Vec<String>> {
                let words = |name: String| vec!["rabbitmqctl".into(), "-q".into(), verb.into(), name];
                self.names(list).into_iter().map(words).collect()
            };
            let mut taken_back = commands("delete_user", "users");
            taken_back.extend(commands("clear_policy", "policies"));
            Ok(Some(Change::Undo {
                package: PACKAGE.into(),
                commands: taken_back,
                data_commands: commands("delete_queue", "queues"),
            }))
        })
    }

    /// A later version of hams has users that the first run did not make.
    fn adds_up(&self) -> bool {
        true
    }

    fn apply<'a>(&'a self, host: &'a Host, _progress: &'a Progress) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async {
            let Some(actual) = self.export(host).await? else {
                return Err(Error::Unexpected("the broker is not running".into()));
            };
            if let Some(queue) = self.queue_arguments(&actual).first() {
                return Err(Error::Unexpected(format!(
                    "{queue}, which RabbitMQ cannot change\n\
                     hint: when it is empty, `rabbitmqctl delete_queue NAME` and run again"
                )));
            }
            rabbitmqctl(&["import_definitions", self.path]).run().await?;
            if objects(&actual, "users").iter().any(|user| user["name"] == "guest") {
                rabbitmqctl(&["delete_user", "guest"]).run().await?;
            }
            Ok(())
        })
    }
}

fn rabbitmqctl(words: &[&str]) -> Command {
    Command::new("rabbitmqctl").args(["-q"]).args(words.iter().copied()).limit(LIMIT)
}

fn objects<'a>(definitions: &'a Value, list: &str) -> Vec<&'a Map<String, Value>> {
    definitions[list]
        .as_array()
        .map(|list| list.iter().filter_map(Value::as_object).collect())
        .unwrap_or_default()
}

/// Whether `actual` has all that is wanted; a broker adds keys of its own, which do not count.
fn matches(wanted: &Value, actual: Option<&Value>) -> bool {
    match (wanted, actual) {
        (Value::Object(wanted), Some(Value::Object(actual))) => {
            wanted.iter().all(|(key, value)| matches(value, actual.get(key)))
        }
        // An empty list and an absent or empty text say the same: 3.10 writes tags as text.
        (Value::Array(wanted), actual) if wanted.is_empty() => match actual {
            None => true,
            Some(Value::Array(actual)) => actual.is_empty(),
            Some(Value::String(actual)) => actual.is_empty(),
            Some(_) => false,
        },
        // 4.0 leaves out what is false.
        (Value::Bool(false), None) => true,
        (wanted, Some(actual)) => wanted == actual,
        (_, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: &str = r#"{"users": [{"name": "a", "password_hash": "x", "tags": []}],
        "queues": [{"name": "q", "vhost": "/", "durable": true, "arguments": {}}]}"#;

    fn differences(actual: &str) -> Vec<String> {
        Objects::new("x.service", "/x", WANTED).unwrap().differences(&serde_json::from_str(actual).unwrap())
    }

    #[test]
    fn what_a_broker_adds_is_no_difference() {
        let actual = r#"{"users": [{"name": "a", "password_hash": "x", "tags": "", "limits": {}}],
            "queues": [{"name": "q", "vhost": "/", "durable": true, "arguments": {"x-queue-type": "classic"}, "type": "classic"}]}"#;
        assert_eq!(differences(actual), Vec::<String>::new());
    }

    #[test]
    fn drift_guest_and_arguments_are_found() {
        let actual = r#"{"users": [{"name": "a", "password_hash": "y", "tags": []}, {"name": "guest"}],
            "queues": [{"name": "q", "vhost": "/", "durable": true, "arguments": {"x-max-length": 5}}]}"#;
        assert_eq!(
            differences(actual),
            [
                "users: a has another password_hash",
                "users: guest is there",
                "queues: \"q\" was declared with arguments of its own"
            ]
        );
    }
}
