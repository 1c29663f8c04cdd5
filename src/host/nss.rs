//! Keeps a static glibc program inside its own code when it looks up users, groups, services or hosts.
//!
//! `passwd: files systemd` makes glibc load libnss_systemd, and with it another libc: a static binary built on
//! Debian 12 dies of SIGFPE on Debian 13 at the first user that /etc/passwd does not have
//! (shared/facts/test-hosts.md). glibc's own `__nss_configure_lookup` says where to look instead.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int};

unsafe extern "C" {
    // <nss.h>: int __nss_configure_lookup (const char *dbname, const char *string)
    fn __nss_configure_lookup(database: *const c_char, services: *const c_char) -> c_int;
}

const LOOKUPS: [(&CStr, &CStr); 6] = [
    (c"passwd", c"files"),
    (c"group", c"files"),
    (c"initgroups", c"files"),
    (c"services", c"files"),
    (c"netgroup", c"files"),
    (c"hosts", c"files dns"),
];

/// Pins every database to lookups that glibc carries itself. Call it first in `main`, before any thread or lookup.
///
/// # Errors
/// The database that glibc refused, which no supported glibc does.
pub fn pin() -> Result<(), &'static str> {
    for (database, services) in LOOKUPS {
        // SAFETY: both are NUL-terminated and live for the whole program; glibc only reads them. No other
        // thread runs yet, so no lookup can be under way while the table changes.
        if unsafe { __nss_configure_lookup(database.as_ptr(), services.as_ptr()) } != 0 {
            return Err(database.to_str().unwrap_or("nss"));
        }
    }
    Ok(())
}
