//! What runs, as what, and that it stays so.

use super::lab::manifest::times;
use super::node::{DATABASE, HEALTHY, Node};
use std::time::{Duration, Instant};

/// The most that `systemd-analyze security` may say.
const MOST_EXPOSED: f32 = 1.5;

pub fn runs_as_configured(node: &Node) {
    let listening = node.host.ok("ss --tcp --listening --numeric --no-header | awk '{ print $4 }' | sort");
    assert_eq!(listening, "127.0.0.1:5432\n127.0.0.1:8069\n127.0.0.1:8072\n");
    let role = node.sql("SELECT rolsuper, rolcreatedb, rolcanlogin FROM pg_roles WHERE rolname = 'odoo';");
    assert_eq!(role, "f|f|t\n", "superuser, CREATEDB, LOGIN");
    let said = node.host.ok("systemd-analyze security --no-pager odoo.service | tail -n 1");
    let exposure: f32 = said
        .split("level for odoo.service:")
        .nth(1)
        .expect("a level")
        .split_whitespace()
        .next()
        .and_then(|level| level.parse().ok())
        .expect("a number");
    assert!(exposure <= MOST_EXPOSED, "{said}");
    eprintln!("exposure {exposure}");
    // All in the journal, nothing in a file that grows.
    assert_eq!(node.host.ok("find /var/log/odoo -type f 2>/dev/null || true"), "");
    assert!(
        node.host.ok("journalctl --unit=odoo.service --output=cat").contains("odoo"),
        "the journal has nothing of Odoo"
    );
    assert_eq!(node.host.ok("stat --format='%a %U:%G' /etc/odoo/hams.conf"), "640 root:odoo\n");
    let conf = node.host.read("/etc/odoo/odoo.conf");
    assert!(
        conf.contains("db_password = False") && conf.contains("; admin_passwd = admin"),
        "the conffile is another: {conf}"
    );
    let list = node.host.sh(
        "python3 - <<'E'\nimport json, urllib.request as r\n\
         call = {'jsonrpc': '2.0', 'method': 'call', 'params': {'service': 'db', 'method': 'list', 'args': []}}\n\
         q = r.Request('http://127.0.0.1:8069/jsonrpc', json.dumps(call).encode(), {'Content-Type': 'application/json'})\n\
         print(r.urlopen(q, timeout=20).read().decode())\nE\n",
    );
    assert!(list.stdout.contains("AccessDenied") && !list.stdout.contains(DATABASE), "{}", list.text());
    has_room(node);
    let modules = node
        .sql("SELECT count(*) FROM ir_module_module WHERE state = 'installed' AND name IN ('base', 'web');");
    assert_eq!(modules, "2\n");
}

/// No process of Odoo comes near the limit at which its master ends it: the one of the websocket starts larger than a worker.
fn has_room(node: &Node) {
    let limit = node.host.ok("sed -n 's/^limit_memory_soft = //p' /etc/odoo/hams.conf");
    let limit: u64 = limit.trim().parse().expect("bytes");
    let sizes = node.host.ok("for pid in $(cat /sys/fs/cgroup/system.slice/odoo.service/cgroup.procs); do \
         sed -n 's/^VmSize:[^0-9]*\\([0-9]*\\) kB$/\\1/p' /proc/$pid/status; done");
    let largest = sizes.lines().map(|size| size.parse::<u64>().expect("kB") << 10).max().expect("a process");
    #[allow(clippy::cast_precision_loss)] // of a ratio
    let ratio = largest as f64 / limit as f64;
    eprintln!("the largest process has {ratio:.2} of limit_memory_soft ({} MiB)", limit >> 20);
    assert!(ratio < 0.9, "it is ended again and again: {largest} of {limit} bytes");
}

/// A run with nothing to do touches no file, starts nothing again and is quick.
pub fn a_second_run_changes_nothing(node: &Node) {
    node.is_clean();
    let quiet = |node: &Node| {
        let mut times = times(&node.host);
        times
            .retain(|path, _| !path.starts_with("/var/lib/postgresql") && !path.starts_with("/var/lib/odoo"));
        times
    };
    let (files, start) = (quiet(node), node.start());
    let begun = Instant::now();
    let ended = node.hams(&["--yes"]).expect(0);
    let took = begun.elapsed();
    assert!(ended.stderr.contains("nothing to do"), "{}", ended.text());
    assert_eq!(quiet(node), files, "files that a second run touched");
    assert_eq!(node.start(), start);
    eprintln!("the second run takes {:.2} s", took.as_secs_f64());
    assert!(took < Duration::from_secs(4), "{took:?}");
}

/// PostgreSQL's restart, and its absence: Odoo comes back by itself.
pub fn without_postgresql(node: &Node) {
    node.host.ok("systemctl restart postgresql@17-main.service");
    node.wait_for(HEALTHY);
    node.host.ok("systemctl stop postgresql@17-main.service");
    assert_ne!(node.host.sh(HEALTHY).code, 0, "healthy without its database");
    let verify = node.hams(&["verify"]).expect(5);
    assert!(
        verify.stderr.contains("failing odoo http") || verify.stderr.contains("failing  odoo http"),
        "{}",
        verify.text()
    );
    std::thread::sleep(Duration::from_secs(10)); // as long as the outage lasts
    node.host.ok("systemctl start postgresql@17-main.service");
    node.wait_for(HEALTHY);
    node.is_clean();
}

pub fn a_module_added_later(node: &Node) {
    let add = |folders: &str| {
        let text = node.host.read(super::node::CONFIG);
        let text = text.split("[odoo]").next().expect("a text").to_owned();
        let odoo =
            format!("[odoo]\nmodules = [\"base\", \"web\", \"hams_probe\"]\naddons_path = [\"{folders}\"]\n");
        node.host.write(super::node::CONFIG, &(text + &odoo));
    };
    node.host.ok("mkdir -p -m 0755 /opt/hams/addons/hams_probe; cd /opt/hams/addons/hams_probe; touch __init__.py; \
        echo \"{'name': 'Probe', 'version': '1.0', 'license': 'LGPL-3', 'depends': ['contacts']}\" >__manifest__.py; \
        chmod 0700 /opt/hams/addons");
    add("/opt/hams/addons");
    let refused = node.hams(&["plan"]).expect(2);
    assert!(refused.stderr.contains("the account odoo may not read /opt/hams/addons"), "{}", refused.text());
    add("/home/x");
    let refused = node.hams(&["plan"]).expect(2);
    assert!(refused.stderr.contains("does not see what is below /home/"), "{}", refused.text());
    node.host.ok("chmod 0755 /opt/hams/addons");
    add("/opt/hams/addons");
    let plan = node.hams(&["plan"]).expect(10);
    assert!(plan.stderr.contains("the module hams_probe is not installed"), "{}", plan.text());
    node.installed();
    let states = node
        .sql("SELECT name, state FROM ir_module_module WHERE name IN ('contacts', 'hams_probe') ORDER BY 1;");
    assert_eq!(states, "contacts|installed\nhams_probe|installed\n");
    node.is_clean();
    node.host.ok("rm -r /opt/hams");
    let text = node.host.read(super::node::CONFIG);
    node.host.write(super::node::CONFIG, text.split("[odoo]").next().expect("a text"));
    node.installed();
}
