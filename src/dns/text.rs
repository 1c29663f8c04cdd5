//! Character strings (RFC 1035 §3.3, §5.1): splitting a content into fields, and the one spelling hams
//! uses for each string: quoted, `"` and `\` escaped, all other octets outside 0x20..0x7e as `\DDD`.

/// Octets that one character string holds (RFC 1035 §3.3).
const STRING_OCTETS: usize = 255;
/// Octets of a whole TXT content that still fit a DNS message over TCP with the names around it.
const CONTENT_OCTETS: usize = 60_000;

/// Why a text is no sequence of fields or strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// A quote without its partner.
    #[error("a quoted string is not closed")]
    Unclosed,
    /// Characters right after a closing quote.
    #[error("a quoted string must end at a space")]
    Glued,
    /// `\` before nothing, or `\DDD` that is no octet.
    #[error("`\\` must be followed by a character or by three digits up to 255")]
    Escape,
    /// Control characters written as they are.
    #[error("control characters must be written as `\\DDD`")]
    Control,
    /// More than 255 octets where one string must hold them.
    #[error("a string is longer than 255 octets")]
    LongString,
    /// Too large to be answered.
    #[error("the text is longer than 60000 octets")]
    LongContent,
}

/// One field of a content: its octets with escapes resolved, and whether it was quoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) octets: Vec<u8>,
    pub(super) quoted: bool,
}

/// Splits a content at blanks, honouring quotes and escapes.
pub(super) fn fields(text: &str) -> Result<Vec<Field>, TextError> {
    if text.bytes().any(|octet| octet.is_ascii_control() && octet != b'\t') {
        return Err(TextError::Control);
    }
    let mut fields = Vec::new();
    let mut rest = text.as_bytes();
    loop {
        rest = rest.trim_ascii_start();
        let Some((&first, after)) = rest.split_first() else { return Ok(fields) };
        let quoted = first == b'"';
        let mut octets = Vec::new();
        if quoted {
            rest = after;
        }
        loop {
            match rest {
                [] if quoted => return Err(TextError::Unclosed),
                [] => break,
                [b'"', after @ ..] if quoted => {
                    rest = after;
                    if !matches!(rest, [] | [b' ' | b'\t', ..]) {
                        return Err(TextError::Glued);
                    }
                    break;
                }
                [b' ' | b'\t', ..] if !quoted => break,
                [b'\\', after @ ..] => {
                    let (octet, after) = escape(after)?;
                    octets.push(octet);
                    rest = after;
                }
                [octet, after @ ..] => {
                    octets.push(*octet);
                    rest = after;
                }
            }
        }
        fields.push(Field { octets, quoted });
    }
}

fn escape(after: &[u8]) -> Result<(u8, &[u8]), TextError> {
    match after {
        [a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..] => {
            let value = u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0');
            Ok((u8::try_from(value).map_err(|_| TextError::Escape)?, rest))
        }
        [b'0'..=b'9', ..] | [] => Err(TextError::Escape),
        [octet, rest @ ..] => Ok((*octet, rest)),
    }
}

/// One string in hams' spelling, quotes included; at most 255 octets.
pub(super) fn quote(octets: &[u8]) -> Result<String, TextError> {
    if octets.len() > STRING_OCTETS {
        return Err(TextError::LongString);
    }
    let mut out = String::with_capacity(octets.len() + 2);
    out.push('"');
    for &octet in octets {
        match octet {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(octet));
            }
            0x20..=0x7e => out.push(char::from(octet)),
            _ => out.push_str(&format!("\\{octet:03}")),
        }
    }
    out.push('"');
    Ok(out)
}

/// A TXT content: what starts with a quote is a list of quoted strings and keeps their borders; all else is
/// one text taken literally, as people type it. Strings of more than 255 octets are split.
pub(super) fn txt(text: &str) -> Result<String, TextError> {
    let trimmed = text.trim_matches([' ', '\t']);
    let strings = if trimmed.starts_with('"') {
        let fields = fields(trimmed)?;
        if fields.iter().any(|field| !field.quoted) {
            return Err(TextError::Glued);
        }
        fields.into_iter().map(|field| field.octets).collect()
    } else {
        if trimmed.bytes().any(|octet| octet.is_ascii_control()) {
            return Err(TextError::Control);
        }
        vec![trimmed.as_bytes().to_vec()]
    };
    if strings.iter().map(|octets| octets.len() + 1).sum::<usize>() > CONTENT_OCTETS {
        return Err(TextError::LongContent);
    }
    let mut parts = Vec::new();
    for octets in &strings {
        if octets.is_empty() {
            parts.push(quote(octets)?);
        }
        for piece in octets.chunks(STRING_OCTETS) {
            parts.push(quote(piece)?);
        }
    }
    Ok(parts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn txt_spellings() {
        for (text, canonical) in [
            ("v=spf1 -all", r#""v=spf1 -all""#),
            (r#""v=spf1 -all""#, r#""v=spf1 -all""#),
            (r#""a"   "b""#, r#""a" "b""#),
            (r#"say "hi" \now"#, r#""say \"hi\" \\now""#),
            (r#""\097\"\;""#, r#""a\";""#),
            ("é", r#""\195\169""#),
            ("", r#""""#),
            (r#""""#, r#""""#),
        ] {
            assert_eq!(txt(text).unwrap(), canonical, "{text}");
        }
    }

    #[test]
    fn txt_is_split_at_255_octets() {
        let long = txt(&"x".repeat(600)).unwrap();
        assert_eq!(long, format!("\"{0}\" \"{0}\" \"{1}\"", "x".repeat(255), "x".repeat(90)));
    }

    #[test]
    fn refused_texts() {
        assert_eq!(txt(r#""open"#), Err(TextError::Unclosed));
        assert_eq!(txt(r#""a"b"#), Err(TextError::Glued));
        assert_eq!(txt(r#""a" b"#), Err(TextError::Glued));
        assert_eq!(txt(r#""\256""#), Err(TextError::Escape));
        assert_eq!(txt(r#""\1""#), Err(TextError::Escape));
        assert_eq!(txt("a\nb"), Err(TextError::Control));
        assert_eq!(txt(&"x".repeat(61_000)), Err(TextError::LongContent));
    }

    proptest! {
        #[test]
        fn canonical_twice_is_canonical_once(text in "\\PC{0,400}") {
            if let Ok(once) = txt(&text) {
                prop_assert_eq!(txt(&once), Ok(once.clone()));
            }
        }

        #[test]
        fn quoting_keeps_the_octets(octets in proptest::collection::vec(any::<u8>(), 0..255)) {
            let quoted = quote(&octets).unwrap();
            let back = fields(&quoted).unwrap();
            prop_assert_eq!(back, vec![Field { octets, quoted: true }]);
        }
    }
}
