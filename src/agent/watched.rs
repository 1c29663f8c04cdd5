//! What the agent asks: a check for each thing that agent.toml names.

use std::path::Path;

use super::credentials::{self, CredentialError};
use crate::config::agent::AgentConfig;
use crate::health::{
    Check, ClockCheck, DiskCheck, DnsCheck, LoadCheck, MemoryCheck, NginxCheck, OdooCheck, PostgresqlCheck,
    PowerDnsCheck, RabbitmqCheck, RebootCheck, RedisCheck, TimerCheck, Transport, UnitCheck, UpdatesCheck,
};
use crate::secrets::Secret;

/// Where names are asked for.
const DNS_PORT: u16 = 53;

/// The checks of a configuration. `folder` has the credentials; two of them the sync has read already.
pub(super) fn checks(
    config: &AgentConfig,
    folder: &Path,
    broker_password: &Secret,
    api_key: &Secret,
) -> Result<Vec<Box<dyn Check>>, CredentialError> {
    let mut checks: Vec<Box<dyn Check>> = vec![
        Box::new(DiskCheck::new(config.health.host)),
        Box::new(MemoryCheck::new(config.health.host)),
        Box::new(LoadCheck::new(config.health.host)),
        Box::new(ClockCheck),
        Box::new(UpdatesCheck::default()),
        Box::new(RebootCheck),
    ];
    let health = &config.health;
    let of = |unit: &String| {
        let component = health.components.get(unit).unwrap_or(unit).clone();
        (component, health.needs.get(unit).cloned().unwrap_or_default())
    };
    for unit in &health.units {
        let (component, needs) = of(unit);
        checks.push(Box::new(UnitCheck::new(&component, unit).needing(&needs)));
    }
    for timer in &health.timers {
        let (component, needs) = of(timer);
        checks.push(Box::new(TimerCheck::new(&component, timer).needing(&needs)));
    }
    if let Some(domain) = &health.tls_domain {
        checks.push(Box::new(NginxCheck::on_this_host(domain)));
    }
    if let Some(odoo) = &health.odoo {
        checks.push(Box::new(OdooCheck::new(&odoo.host, odoo.http_port, odoo.gevent_port)));
    }
    if let Some(sql) = &health.postgresql {
        let password = credentials::read(folder, "postgresql-password")?;
        let check = PostgresqlCheck::new(&sql.host, sql.port, &sql.database, &sql.role, password);
        checks.push(Box::new(check));
    }
    checks.push(Box::new(PowerDnsCheck::new(&config.powerdns.api, api_key.clone())));
    if let Some(dns) = &health.dns {
        for address in &dns.addresses {
            for transport in [Transport::Udp, Transport::Tcp] {
                let check = DnsCheck::new((*address, DNS_PORT).into(), &dns.zone, "SOA", transport);
                checks.push(Box::new(check));
            }
        }
    }
    let broker = &config.broker;
    let rabbitmq = RabbitmqCheck::new(
        &broker.host,
        broker.port,
        &broker.vhost,
        &broker.user,
        broker_password.clone(),
        &broker.queue,
    );
    let letters = config.dead_letters.as_ref().map(|letters| letters.queue.as_str());
    checks.push(Box::new(rabbitmq.watching(letters)));
    if let Some(redis) = &config.redis {
        let password = credentials::read(folder, "redis-monitor-password")?;
        checks.push(Box::new(RedisCheck::new(&redis.host, redis.port, &redis.user, password)));
    }
    Ok(checks)
}
