//! PowerDNS's API by hand: a socket, one request, one answer. As little as a client can do, so that it is a limit.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;

pub const URL: &str = "http://127.0.0.1:8081/api/v1/servers/localhost/zones";
const ADDRESS: &str = "127.0.0.1:8081";
const PATH: &str = "/api/v1/servers/localhost/zones";

/// The API and its key.
#[derive(Debug)]
pub struct Api {
    key: String,
}

impl Api {
    pub fn new(key: &str) -> Self {
        Self { key: key.to_owned() }
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    /// All zones' serials.
    pub fn serials(&self) -> Result<BTreeMap<String, u64>> {
        let all: Vec<Value> = self.read("?dnssec=false")?;
        let serial = |zone: &Value| Some((zone["name"].as_str()?.to_owned(), zone["serial"].as_u64()?));
        Ok(all.iter().filter_map(serial).collect())
    }

    /// One zone, as the API shows it.
    pub fn zone(&self, name: &str) -> Result<Value> {
        self.read(&format!("/{name}"))
    }

    /// Changes a zone that is there.
    pub fn patch(&self, zone: &str, body: &str) -> Result<()> {
        self.expect(204, "PATCH", &format!("/{zone}"), body).map(drop)
    }

    /// Makes a zone.
    pub fn post(&self, body: &str) -> Result<()> {
        self.expect(201, "POST", "", body).map(drop)
    }

    fn read<T: serde::de::DeserializeOwned>(&self, rest: &str) -> Result<T> {
        let body = self.expect(200, "GET", rest, "")?;
        serde_json::from_slice(&body).with_context(|| format!("the answer to GET {PATH}{rest}"))
    }

    fn expect(&self, status: u16, method: &str, rest: &str, body: &str) -> Result<Vec<u8>> {
        let (got, answer) =
            self.request(method, rest, body).with_context(|| format!("{method} {PATH}{rest}"))?;
        ensure!(
            got == status,
            "PowerDNS answered {got} to {method} {PATH}{rest}: {}",
            String::from_utf8_lossy(&answer)
        );
        Ok(answer)
    }

    /// PowerDNS closes the connection after each answer, whatever is asked for.
    fn request(&self, method: &str, rest: &str, body: &str) -> Result<(u16, Vec<u8>)> {
        let mut stream = TcpStream::connect(ADDRESS)?;
        stream.set_nodelay(true)?;
        let (key, length) = (&self.key, body.len());
        let request = format!(
            "{method} {PATH}{rest} HTTP/1.1\r\nHost: {ADDRESS}\r\nX-API-Key: {key}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let end =
            answer.windows(4).position(|four| four == b"\r\n\r\n").context("an answer without an end")?;
        let head = std::str::from_utf8(&answer[..end])?.to_ascii_lowercase();
        let status = head.split(' ').nth(1).context("an answer without a status")?.parse()?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let content = answer.split_off(end + 4);
        match length.map(|length| length.trim().parse::<usize>()).transpose()? {
            Some(length) if length != content.len() => bail!("{} of {length} bytes", content.len()),
            _ => Ok((status, content)),
        }
    }
}

/// The body that replaces one RRset.
pub fn replacement(name: &str, rtype: &str, ttl: u32, content: &str) -> String {
    let records = json!([{"content": content, "disabled": false}]);
    let rrset = json!({"name": name, "type": rtype, "ttl": ttl, "changetype": "REPLACE", "records": records});
    json!({"rrsets": [rrset]}).to_string()
}
