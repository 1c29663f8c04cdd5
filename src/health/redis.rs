//! Redis as its monitor sees it: the login, an answer to PING, and how full its memory is.

use std::io;
use std::time::Duration;

use redis_protocol::resp2::decode::decode;
use redis_protocol::resp2::encode::encode;
use redis_protocol::resp2::types::{OwnedFrame, Resp2Frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::check::{Check, Outcome};
use super::measure::Quantity;
use crate::host::BoxFuture;
use crate::secrets::Secret;

/// No answer to these questions is longer.
const MOST_BYTES: usize = 1 << 20;
/// Percent of `maxmemory`: from here on it is nearly full, and a full Redis refuses writes.
const NEARLY_FULL: u64 = 90;
const MIB: u64 = 1 << 20;

/// Logs in, pings, and reads INFO.
#[derive(Debug, Clone)]
pub struct RedisCheck {
    host: String,
    port: u16,
    user: String,
    password: Secret,
}

impl RedisCheck {
    /// The server and the login; the user may PING and INFO.
    pub fn new(host: &str, port: u16, user: &str, password: Secret) -> Self {
        Self { host: host.to_owned(), port, user: user.to_owned(), password }
    }

    fn server(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    async fn ask(&self) -> io::Result<Outcome> {
        let mut stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        match command(&mut stream, &["AUTH", &self.user, self.password.expose()]).await? {
            OwnedFrame::SimpleString(_) => {}
            OwnedFrame::Error(error) if error.starts_with("WRONGPASS") => {
                let user = &self.user;
                return Ok(Outcome::failing(format!(
                    "the password of {user} is not the one Redis has; run `hams-install` to write it anew"
                ))
                .lasting());
            }
            other => return Ok(unexpected("AUTH", &other)),
        }
        match command(&mut stream, &["PING"]).await? {
            OwnedFrame::SimpleString(answer) if answer == b"PONG" => {}
            other => return Ok(unexpected("PING", &other)),
        }
        match command(&mut stream, &["INFO"]).await? {
            OwnedFrame::BulkString(info) => Ok(judge(&String::from_utf8_lossy(&info), &self.server())),
            other => Ok(unexpected("INFO", &other)),
        }
    }
}

/// Sends one command and reads its answer.
async fn command(stream: &mut TcpStream, words: &[&str]) -> io::Result<OwnedFrame> {
    let words = words.iter().map(|word| OwnedFrame::BulkString(word.as_bytes().to_vec()));
    let question = OwnedFrame::Array(words.collect());
    let mut buffer = vec![0; question.encode_len(false)];
    encode(&mut buffer, &question, false).map_err(io::Error::other)?;
    stream.write_all(&buffer).await?;
    buffer.clear();
    loop {
        if stream.read_buf(&mut buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match decode(&buffer).map_err(io::Error::other)? {
            Some((answer, _)) => return Ok(answer),
            None if buffer.len() > MOST_BYTES => return Err(io::Error::other("the answer has no end")),
            None => {}
        }
    }
}

fn unexpected(command: &str, answer: &OwnedFrame) -> Outcome {
    Outcome::failing(match answer {
        OwnedFrame::Error(error) => format!("answered `{error}` to {command}"),
        _ => format!("gave no answer to {command} that makes sense: is this Redis?"),
    })
}

/// Reads INFO's lines, `name:value`.
fn judge(info: &str, server: &str) -> Outcome {
    let value = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let number = |name: &str| value(name)?.parse::<u64>().ok();
    let (Some(version), Some(used), Some(most)) =
        (value("redis_version"), number("used_memory"), number("maxmemory"))
    else {
        return Outcome::degraded("INFO lacks the version or the memory: is this Redis?");
    };
    let seen = format!("version {version}, {} of {} MiB used", used.div_ceil(MIB), most / MIB);
    let outcome = match most {
        0 => Outcome::degraded(format!("version {version} has no limit of memory")),
        _ if used * 100 >= most * NEARLY_FULL => Outcome::degraded(format!("{seen}: it will refuse writes")),
        _ => Outcome::ok_with(seen),
    };
    // A count of octets is exact up to 2^53.
    outcome.with(Quantity::RedisMemoryUsedBytes, server, used as f64).with(
        Quantity::RedisMemoryLimitBytes,
        server,
        most as f64,
    )
}

impl Check for RedisCheck {
    fn name(&self) -> &str {
        "redis ping"
    }

    fn component(&self) -> &str {
        "redis"
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn run(&self) -> BoxFuture<'_, Outcome> {
        Box::pin(async {
            let asked = self.ask().await;
            asked.unwrap_or_else(|error| Outcome::failing(format!("{}: {error}", self.server())))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{State, probe};
    use super::*;

    #[test]
    fn memory_is_judged() {
        let state = |used: u64, most: u64| {
            judge(
                &format!("# Server\r\nredis_version:8.0.2\r\nused_memory:{used}\r\nmaxmemory:{most}\r\n"),
                "here",
            )
            .state
        };
        assert_eq!(state(1 << 20, 64 << 20), State::Ok);
        assert_eq!(state(60 << 20, 64 << 20), State::Degraded);
        assert_eq!(state(1 << 20, 0), State::Degraded);
        assert_eq!(judge("", "here").state, State::Degraded);
        let outcome = judge("redis_version:7.0.15\nused_memory:1500000\nmaxmemory:67108864\n", "here");
        assert_eq!(outcome.reason.as_deref(), Some("version 7.0.15, 2 of 64 MiB used"));
        assert_eq!(outcome.measures[0].value, 1_500_000.0);
    }

    #[tokio::test]
    async fn nobody_there() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let outcome = probe(&RedisCheck::new("127.0.0.1", port, "x", Secret::new("hunter2"))).await;
        assert_eq!(outcome.state, State::Failing);
        assert!(!outcome.reason.unwrap().contains("hunter2"));
    }
}
