//! Parts of timestamps and durations (CEL specification, "Timestamp/Duration Functions").

use jiff::Zoned;

use crate::fault::Fault;
use crate::function::{Call, Function};
use crate::times::in_zone;
use crate::value::{Outcome, Value};

const DATE: &str = "timestamp -> int; timestamp, string -> int";
const CLOCK: &str = "timestamp -> int; timestamp, string -> int; duration -> int";

pub(super) const FUNCTIONS: &[Function] = &[
    Function::member("getFullYear", DATE, |call| date(call, |time| time.year().into())),
    Function::member("getMonth", DATE, |call| date(call, |time| i64::from(time.month()) - 1)),
    Function::member("getDayOfYear", DATE, |call| {
        date(call, |time| i64::from(time.day_of_year()) - 1)
    }),
    Function::member("getDayOfMonth", DATE, |call| date(call, |time| i64::from(time.day()) - 1)),
    Function::member("getDate", DATE, |call| date(call, |time| time.day().into())),
    Function::member("getDayOfWeek", DATE, |call| {
        date(call, |time| time.weekday().to_sunday_zero_offset().into())
    }),
    Function::member("getHours", CLOCK, |call| {
        clock(call, 3_600_000_000_000, |time| time.hour().into())
    }),
    Function::member("getMinutes", CLOCK, |call| {
        clock(call, 60_000_000_000, |time| time.minute().into())
    }),
    Function::member("getSeconds", CLOCK, |call| {
        clock(call, 1_000_000_000, |time| time.second().into())
    }),
    Function::member("getMilliseconds", CLOCK, |call| {
        clock(call, 1_000_000, |time| time.millisecond().into())
    }),
];

fn date<'a>(call: &Call<'_, 'a>, read: fn(&Zoned) -> i64) -> Outcome<'a> {
    let Value::Timestamp(time) = &call.values[0] else {
        return Err(Fault::overload());
    };
    let zone = if call.values.len() > 1 { Some(call.text(1)?) } else { None };
    in_zone(*time, zone).map(|time| Value::Int(read(&time))).map_err(Fault::new)
}

/// `unit`: in nanoseconds.
fn clock<'a>(call: &Call<'_, 'a>, unit: i64, read: fn(&Zoned) -> i64) -> Outcome<'a> {
    match &call.values[0] {
        Value::Duration(nanoseconds) => Ok(Value::Int(nanoseconds / unit)),
        _ => date(call, read),
    }
}
