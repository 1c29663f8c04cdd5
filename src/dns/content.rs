//! Record contents: read each allowed type's master-file text and write PowerDNS's canonical form of it, so
//! that equal things compare equal and PowerDNS takes what it is sent (facts: powerdns.md §3).

use std::net::{Ipv4Addr, Ipv6Addr};

use super::loc::{self, LocError};
use super::name::{Name, NameError};
use super::rtype::RecordType;
use super::text::{self, Field, TextError};

/// Why a content does not fit its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// Not an IPv4 or IPv6 address, as the type asks for.
    #[error("`{0}` is not an {1} address")]
    Address(String, &'static str),
    /// Too few, too many or differently shaped fields.
    #[error("{rtype} content is not `{form}`")]
    Form {
        /// The type.
        rtype: RecordType,
        /// The fields it needs.
        form: &'static str,
    },
    /// A number that is none, or is out of its range.
    #[error("`{text}` is not a number from 0 to {max}")]
    Number {
        /// What stood there.
        text: String,
        /// The largest value.
        max: u32,
    },
    /// A fingerprint that does not fit its hash.
    #[error("SSHFP fingerprint must be hexadecimal: 40 digits for type 1, 64 for type 2")]
    Fingerprint,
    /// A name that no host may have, where PowerDNS wants a host's.
    #[error("`{0}` is not a host name: labels of letters, digits and hyphens, with no hyphen at their ends")]
    Hostname(Name),
    /// A name inside the content.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A character string.
    #[error(transparent)]
    Text(#[from] TextError),
    /// A position.
    #[error(transparent)]
    Loc(#[from] LocError),
}

/// The canonical text of `content`, with names absolute: relative ones are completed by `zone`.
/// The result of this function is a fixed point of it.
pub fn canonical(rtype: RecordType, content: &str, zone: &Name) -> Result<String, ContentError> {
    let bare = content.trim_matches([' ', '\t']);
    match rtype {
        RecordType::A => {
            let address = bare.parse::<Ipv4Addr>();
            address.map(|a| a.to_string()).map_err(|_| ContentError::Address(shown(bare), "IPv4"))
        }
        RecordType::Aaaa => {
            let address = bare.parse::<Ipv6Addr>();
            address.map(ipv6).map_err(|_| ContentError::Address(shown(bare), "IPv6"))
        }
        RecordType::Txt => Ok(text::txt(content)?),
        RecordType::Loc => Ok(loc::canonical(bare)?),
        RecordType::Cname => {
            let [target] = split(rtype, bare, "HOST")?;
            Ok(target_name(&target, zone)?.to_string())
        }
        RecordType::Ns => {
            let [target] = split(rtype, bare, "HOST")?;
            Ok(host(&target, zone)?.to_string())
        }
        RecordType::Mx => {
            let [preference, target] = split(rtype, bare, "PREFERENCE HOST")?;
            Ok(format!("{} {}", number(&preference, 65_535)?, host_or_none(&target, zone)?))
        }
        RecordType::Srv => {
            let [priority, weight, port, target] = split(rtype, bare, "PRIORITY WEIGHT PORT HOST")?;
            let numbers = [number(&priority, 65_535)?, number(&weight, 65_535)?, number(&port, 65_535)?];
            Ok(format!("{} {} {} {}", numbers[0], numbers[1], numbers[2], host_or_none(&target, zone)?))
        }
        RecordType::Caa => caa(bare),
        RecordType::Sshfp => sshfp(bare),
        RecordType::Naptr => naptr(bare, zone),
    }
}

/// PowerDNS takes no address with a dot in it, though it gives mapped ones out that way.
fn ipv6(address: Ipv6Addr) -> String {
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] => format!("::ffff:{high:x}:{low:x}"),
        _ => address.to_string(),
    }
}

fn caa(text: &str) -> Result<String, ContentError> {
    let form = "FLAGS TAG \"VALUE\"";
    let [flags, tag, value] = split(RecordType::Caa, text, form)?;
    // RFC 8659 §4.1: tags are letters and digits, and their case does not matter.
    let tag = plain(&tag).to_ascii_lowercase();
    if tag.is_empty() || tag.len() > 15 || !tag.bytes().all(|octet| octet.is_ascii_alphanumeric()) {
        return Err(ContentError::Form { rtype: RecordType::Caa, form });
    }
    Ok(format!("{} {tag} {}", number(&flags, 255)?, text::quote(&value.octets)?))
}

fn sshfp(text: &str) -> Result<String, ContentError> {
    let fields = text::fields(text)?;
    let [algorithm, hash, digits @ ..] = fields.as_slice() else {
        return Err(ContentError::Form { rtype: RecordType::Sshfp, form: "ALGORITHM TYPE FINGERPRINT" });
    };
    let (algorithm, hash) = (number(algorithm, 255)?, number(hash, 255)?);
    let digits: String = digits.iter().map(plain).collect::<String>().to_ascii_lowercase();
    let length_fits = match hash {
        1 => digits.len() == 40,
        2 => digits.len() == 64,
        _ => (2..=128).contains(&digits.len()) && digits.len() % 2 == 0,
    };
    if !length_fits || !digits.bytes().all(|octet| octet.is_ascii_hexdigit()) {
        return Err(ContentError::Fingerprint);
    }
    Ok(format!("{algorithm} {hash} {digits}"))
}

fn naptr(text: &str, zone: &Name) -> Result<String, ContentError> {
    let form = "ORDER PREFERENCE \"FLAGS\" \"SERVICE\" \"REGEXP\" REPLACEMENT";
    let [order, preference, flags, service, regexp, replacement] = split(RecordType::Naptr, text, form)?;
    Ok(format!(
        "{} {} {} {} {} {}",
        number(&order, 65_535)?,
        number(&preference, 65_535)?,
        text::quote(&flags.octets)?,
        text::quote(&service.octets)?,
        text::quote(&regexp.octets)?,
        target_name(&replacement, zone)?
    ))
}

fn split<const N: usize>(
    rtype: RecordType,
    text: &str,
    form: &'static str,
) -> Result<[Field; N], ContentError> {
    text::fields(text)?.try_into().map_err(|_| ContentError::Form { rtype, form })
}

fn plain(field: &Field) -> String {
    String::from_utf8_lossy(&field.octets).into_owned()
}

fn target_name(field: &Field, zone: &Name) -> Result<Name, NameError> {
    Name::target(&plain(field), zone)
}

/// A name where PowerDNS takes a host's alone.
fn host(field: &Field, zone: &Name) -> Result<Name, ContentError> {
    let name = target_name(field, zone)?;
    let is_label = |label: &str| {
        let is_fit = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
        !label.is_empty() && label.bytes().all(is_fit) && !label.starts_with('-') && !label.ends_with('-')
    };
    let is_host = name.as_str().trim_end_matches('.').split('.').all(is_label);
    if is_host { Ok(name) } else { Err(ContentError::Hostname(name)) }
}

/// The same, or the root, which says that there is none (RFC 7505, RFC 2782).
fn host_or_none(field: &Field, zone: &Name) -> Result<Name, ContentError> {
    let name = target_name(field, zone)?;
    if name.is_root() { Ok(name) } else { host(field, zone) }
}

fn number(field: &Field, max: u32) -> Result<u32, ContentError> {
    let digits = !field.quoted && field.octets.iter().all(u8::is_ascii_digit);
    let value = plain(field).parse().ok().filter(|value| digits && *value <= max);
    value.ok_or_else(|| ContentError::Number { text: shown(&plain(field)), max })
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use RecordType::*;
    use proptest::prelude::*;

    fn zone() -> Name {
        Name::absolute("k6bp.u.hams.com").unwrap()
    }

    #[test]
    fn canonical_forms() {
        let digest = "AB".repeat(20);
        for (rtype, text, expected) in [
            (A, " 192.0.2.10 ", "192.0.2.10".to_owned()),
            (Aaaa, "2001:0DB8:0:0::1", "2001:db8::1".to_owned()),
            (Aaaa, "::FFFF:192.0.2.1", "::ffff:c000:201".to_owned()),
            (Aaaa, "::192.0.2.1", "::c000:201".to_owned()),
            (Cname, "Foo.COM.", "foo.com.".to_owned()),
            (Cname, "@", "k6bp.u.hams.com.".to_owned()),
            (Mx, "010  Mail", "10 mail.k6bp.u.hams.com.".to_owned()),
            (Mx, "0 .", "0 .".to_owned()),
            (Cname, "_acme.example.com.", "_acme.example.com.".to_owned()),
            (Srv, "1 2 5060 sip.example.com.", "1 2 5060 sip.example.com.".to_owned()),
            (Caa, "0 ISSUE letsencrypt.org", "0 issue \"letsencrypt.org\"".to_owned()),
            (Sshfp, &format!("1 1 {digest}"), format!("1 1 {}", "ab".repeat(20))),
            (
                Naptr,
                r#"100 10 u E2U+sip "!^.*$!sip:x@y!" ."#,
                r#"100 10 "u" "E2U+sip" "!^.*$!sip:x@y!" ."#.to_owned(),
            ),
        ] {
            assert_eq!(canonical(rtype, text, &zone()).as_deref(), Ok(expected.as_str()), "{rtype} {text}");
        }
    }

    #[test]
    fn refused_contents() {
        for (rtype, text) in [
            (A, "192.0.2.010"),
            (A, "192.0.2.256"),
            (A, "2001:db8::1"),
            (Aaaa, "192.0.2.1"),
            (Aaaa, "fe80::1%eth0"),
            (Cname, "a.example.com. b"),
            (Cname, "example.com"),
            (Cname, ""),
            (Mx, "mail.example.com."),
            (Mx, "1 _mail.example.com."),
            (Mx, "1 -mail.example.com."),
            (Ns, "ns_1.example.com."),
            (Ns, "."),
            (Srv, "1 2 5060 sip-.example.com."),
            (Mx, "65536 mail.example.com."),
            (Mx, "+1 mail.example.com."),
            (Srv, "1 2 mail.example.com."),
            (Caa, "256 issue \"x\""),
            (Caa, "0 is-sue \"x\""),
            (Sshfp, "1 1 abcd"),
            (Sshfp, "1 2 zz"),
            (Naptr, "1 1 u s"),
            (Txt, "\"open"),
            (Loc, "nowhere"),
        ] {
            assert!(canonical(rtype, text, &zone()).is_err(), "{rtype} {text}");
        }
    }

    proptest! {
        #[test]
        fn canonical_twice_is_canonical_once(which in 0..RecordType::ALL.len(), text in "[ -~]{0,40}|[0-9]{1,5} [a-zA-Z.]{1,20}") {
            let rtype = RecordType::ALL[which];
            if let Ok(once) = canonical(rtype, &text, &zone()) {
                prop_assert_eq!(canonical(rtype, &once, &zone()), Ok(once.clone()));
            }
        }

        #[test]
        fn any_address_has_one_spelling(bits in any::<u128>()) {
            let address = std::net::Ipv6Addr::from(bits);
            let long = address.segments().map(|part| format!("{part:04X}")).join(":");
            let written = canonical(Aaaa, &long, &zone()).unwrap();
            prop_assert!(!written.contains('.'), "{}", written);
            prop_assert_eq!(written.parse(), Ok(address));
        }
    }
}
