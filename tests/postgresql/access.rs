//! Who gets in, and what they may do there.

use super::node::Node;

/// What a role may do, in the words of `pg_roles`.
const ROLES: &str = "SELECT rolname, rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, \
    rolconnlimit > 0, (SELECT count(*) FROM pg_auth_members WHERE member = pg_roles.oid) \
    FROM pg_roles WHERE NOT rolname LIKE 'pg\\_%' ORDER BY rolname;";

/// Roles, privileges and the database are as they should be, asked of the server itself.
pub fn roles_are_least(node: &Node) {
    let roles = node.sql("postgres", ROLES);
    assert_eq!(roles, "hams_listen|t|f|f|f|f|f|t|0\nodoo|t|f|f|f|f|f|t|0\npostgres|t|t|t|t|t|t|f|0\n");
    let kinds = "SELECT rolname, coalesce(left(rolpassword, 14), 'none') FROM pg_authid \
                 WHERE rolname IN ('odoo', 'hams_listen') ORDER BY 1;";
    assert_eq!(node.sql("postgres", kinds), "hams_listen|SCRAM-SHA-256$\nodoo|none\n");
    let everybody = "SELECT datname FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba))) \
                     WHERE grantee = 0 AND datname <> 'template0';";
    assert_eq!(node.sql("postgres", everybody), "", "everybody may connect");
    assert_eq!(
        node.sql("postgres", "SELECT count(*) FROM pg_hba_file_rules WHERE error IS NOT NULL;"),
        "0\n"
    );
    let settings = "SELECT current_setting('data_checksums'), current_setting('listen_addresses'), \
                    current_setting('password_encryption'), current_setting('shared_preload_libraries'), \
                    current_setting('server_encoding'), (SELECT count(*) FROM pg_settings WHERE pending_restart);";
    assert_eq!(node.sql("hams_prod", settings), "on|127.0.0.1|scram-sha-256|pg_stat_statements|UTF8|0\n");
}

/// An account that is neither Odoo's nor the server's own gets in nowhere, and no role but the daemons' over TCP.
pub fn nobody_else_comes_in(node: &Node) {
    for account in ["games", "root", "nobody"] {
        for role in ["odoo", "postgres", "hams_listen", account] {
            for host in ["/run/postgresql", "127.0.0.1"] {
                for database in ["hams_prod", "postgres", "template1"] {
                    let to = format!("host={host} dbname={database} user={role} password=guessed");
                    let ended = node.asked(account, &to, "SELECT 1;");
                    assert_eq!(ended.code, 2, "{account} comes in as {role} at {database}: {}", ended.text());
                    let said = [
                        "Peer authentication failed",
                        "pg_hba.conf rejects",
                        "password authentication failed",
                    ];
                    assert!(said.iter().any(|word| ended.stderr.contains(word)), "{}", ended.text());
                }
            }
        }
    }
}

/// Odoo comes in as the account of its name, owns its database, and can do no more.
pub fn odoo_owns_its_database(node: &Node) {
    node.host.ok("useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin odoo");
    let odoo = |database: &str, sql: &str| {
        node.asked("odoo", &format!("host=/run/postgresql dbname={database} user=odoo"), sql)
    };
    let made = "CREATE TABLE partner (name text); INSERT INTO partner VALUES ('Zoë'); \
        CREATE INDEX ON partner USING gin (unaccent(name) gin_trgm_ops); \
        SELECT name FROM partner WHERE unaccent(name) = 'Zoe';";
    assert_eq!(odoo("hams_prod", made).expect(0).stdout, "Zoë\n");
    // As Odoo's workers do (facts/stack.md §1).
    odoo("postgres", "LISTEN cron_trigger; SELECT 1;").expect(0);
    for refused in [
        "CREATE DATABASE mine;",
        "CREATE ROLE mine;",
        "ALTER ROLE odoo SUPERUSER;",
        "COPY partner FROM PROGRAM 'id';",
        "SELECT pg_read_file('/etc/passwd');",
        "SELECT rolpassword FROM pg_authid;",
    ] {
        let ended = odoo("hams_prod", refused);
        assert_eq!(ended.code, 3, "{refused} {}", ended.text());
        assert!(
            ended.stderr.contains("permission denied") || ended.stderr.contains("must be"),
            "{}",
            ended.text()
        );
    }
    odoo("template1", "SELECT 1;").expect(2);
    node.host.ok("userdel odoo");
}

/// The daemons' role comes in over loopback with its password, hears notices, and reads no table.
pub fn daemons_listen(node: &Node) {
    let password = node.password();
    let heard =
        node.listens(&password, "hams_prod", "LISTEN ham_qso_firehose; NOTIFY ham_qso_firehose, 'heard';");
    assert!(heard.clone().expect(0).stdout.contains("payload \"heard\""), "{}", heard.text());
    for refused in
        ["SELECT * FROM partner;", "CREATE TABLE mine (a int);", "CREATE TEMPORARY TABLE mine (a int);"]
    {
        let ended = node.listens(&password, "hams_prod", refused);
        assert_eq!(ended.code, 3, "{refused} {}", ended.text());
        assert!(ended.stderr.contains("permission denied"), "{}", ended.text());
    }
    let wrong = node.listens("wrong", "hams_prod", "SELECT 1;").expect(2);
    assert!(wrong.stderr.contains("password authentication failed"), "{}", wrong.text());
    let elsewhere = node.listens(&password, "postgres", "SELECT 1;").expect(2);
    assert!(elsewhere.stderr.contains("pg_hba.conf rejects"), "{}", elsewhere.text());
}

/// Neither the password nor its verifier stands in the server's log, its statistics, the journal or hams' own records.
pub fn no_secret_is_told(node: &Node) {
    let password = node.password();
    let verifier = node.sql("postgres", "SELECT rolpassword FROM pg_authid WHERE rolname = 'hams_listen';");
    let verifier = verifier.trim();
    assert!(verifier.len() > 100, "{verifier}");
    node.host.ok(&format!("printf '%s\\n' '{password}' '{verifier}' >/run/secrets; chmod 0600 /run/secrets"));
    let found = node.host.sh("journalctl --no-pager --output=export >/run/journal; \
         grep --recursive --files-with-matches --fixed-strings --file=/run/secrets \
         /var/log /var/lib/hams /etc /run/journal /tmp || true; rm /run/secrets /run/journal");
    assert_eq!(found.expect(0).stdout, "/etc/hams/secrets.env\n");
    let told = "SELECT count(*) FROM pg_stat_statements WHERE query LIKE '%SCRAM-SHA%$%' OR query ILIKE '%alter role%';";
    assert_eq!(node.sql("postgres", told), "0\n");
    let seen = "SELECT count(*) > 0 FROM pg_stat_statements;";
    assert_eq!(node.sql("postgres", seen), "t\n", "the statistics would show it");
}
