//! `confirm`: the step that waits for somebody, once what it tells was looked at.

use std::io::{IsTerminal as _, stdin};

use meshroot_api::RootRotation;
use serde_json::json;

use super::gather::{Gathered, line};
use super::{Confirm, gather, plan, running, write};
use crate::failure::Failure;
use crate::plain::plain;
use crate::session::Session;
use crate::terminal::Terminal;

pub(super) async fn run(
    session: &Session,
    asked: &Confirm,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let gathered = gather(session, &asked.asked.virtual_mesh).await?;
    let (number, rotation) = running(&gathered)?;
    let step = awaited(&gathered, number, rotation)?;
    let mut confirmed = rotation.clone();
    confirmed.spec.confirmed_step = Some(step);
    let next = gathered.current(Some(&confirmed))?.forecast().stages;
    terminal.line(format!("virtual mesh {}: {} begins", gathered.key, step.word()))?;
    for line in next.first().into_iter().flat_map(plan::told) {
        terminal.line(line)?;
    }
    if !asked.yes && !says_yes(&gathered, terminal)? {
        return Err(Failure::no("not confirmed: nothing is changed"));
    }
    let spec = json!({ "confirmedStep": step.word() });
    write(session, &asked.asked, &gathered.key, (number, rotation), &spec, terminal).await
}

/// The step that waits for somebody.
fn awaited(
    gathered: &Gathered,
    number: u32,
    rotation: &RootRotation,
) -> Result<meshroot_api::rotation::Step, Failure> {
    // Before there is a root nobody is told anything.
    let planned = gathered.has(number).then(|| gathered.current(Some(rotation))).transpose()?;
    planned.and_then(|planned| planned.awaited()).ok_or_else(|| {
        let said = line(rotation);
        let said = plain(&said);
        let key = &gathered.key;
        Failure::no(format!("virtual mesh {key}: nothing waits for a confirmation now: {said}"))
    })
}

/// Asks whoever sits at the terminal.
fn says_yes(gathered: &Gathered, terminal: &mut Terminal) -> Result<bool, Failure> {
    if !stdin().is_terminal() {
        return Err(Failure::no("there is no terminal to ask at: nothing is changed").fix(
            format!("look at it and say so: meshroot rotate confirm {} --yes", gathered.key),
        ));
    }
    terminal.print("Go on? [y/N] ")?;
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
