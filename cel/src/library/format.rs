//! `format` (cel-go, extension `strings`, version 2): texts with places for values.

use super::format_clause::Clause;
use crate::fault::Fault;
use crate::function::{Call, Function};
use crate::go_text::quoted;
use crate::value::{Outcome, Value};

/// Most digits after the point, so that a short text does not make a huge one. The real server knows no limit.
const WIDEST: usize = 100;

pub(super) const FUNCTIONS: &[Function] =
    &[Function::member("format", "string, list(dyn) -> string", format)];

fn format<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    let (mut rest, values) = (call.text(0)?, call.list(1)?);
    let mut text = String::with_capacity(rest.len());
    let mut next = 0;
    while let Some(at) = rest.find('%') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(tail) = rest.strip_prefix('%') {
            text.push('%');
            rest = tail;
            continue;
        }
        let value =
            values.get(next).ok_or_else(|| Fault::new(format!("index {next} out of range")))?;
        next += 1;
        if rest.is_empty() {
            return Err(Fault::new("unexpected end of string"));
        }
        let (clause, tail) = clause(rest).map_err(|message| {
            Fault::new(format!("could not parse formatting clause: {message}"))
        })?;
        text.push_str(&written(call, clause, value)?);
        call.budget.take_result(text.len())?;
        rest = tail;
    }
    text.push_str(rest);
    call.budget.take_result(text.len())?;
    Ok(Value::made(text))
}

fn written(call: &Call<'_, '_>, clause: Clause, value: &Value<'_>) -> Result<String, Fault> {
    clause.written(call.budget, value).map_err(|fault| match fault {
        Fault::Evaluation(message) => Fault::new(format!("error during formatting: {message}")),
        Fault::Budget => Fault::Budget,
    })
}

/// The clause that the text begins with, and what follows it.
fn clause(text: &str) -> Result<(Clause, &str), String> {
    let (precision, rest) =
        precision(text).map_err(|message| format!("error while parsing precision: {message}"))?;
    // By bytes, as the real server reads it.
    let letter = rest.bytes().next().map_or(' ', char::from);
    let clause = match letter {
        's' => Clause::Text,
        'd' => Clause::Decimal,
        'f' => Clause::Fixed(precision),
        'e' => Clause::Scientific(precision),
        'b' => Clause::Binary,
        'x' => Clause::Hexadecimal { upper: false },
        'X' => Clause::Hexadecimal { upper: true },
        'o' => Clause::Octal,
        _ => return Err(format!("unrecognized formatting clause \"{letter}\"")),
    };
    Ok((clause, &rest[1..]))
}

fn precision(text: &str) -> Result<(Option<usize>, &str), String> {
    let Some(text) = text.strip_prefix('.') else {
        return Ok((None, text));
    };
    let end = text.find(|letter: char| !letter.is_ascii_digit());
    let (digits, rest) = text.split_at(end.ok_or("could not find end of precision specifier")?);
    let integer = |what| {
        let digits = quoted(digits);
        format!(
            "error while converting precision to integer: strconv.Atoi: parsing {digits}: {what}"
        )
    };
    if digits.is_empty() {
        return Err(integer("invalid syntax"));
    }
    match digits.parse::<usize>() {
        Ok(precision) if precision > WIDEST => {
            Err(format!("precision {precision} exceeds maximum allowed precision {WIDEST}"))
        }
        Ok(precision) => Ok((Some(precision), rest)),
        Err(_) => Err(integer("value out of range")),
    }
}
