//! Shows what waits for people, one after the other, and asks.

use std::io::{IsTerminal as _, stdin};

use kube::api::ListParams;
use meshroot_api::security::ApprovalStatus;
use meshroot_api::shared::State;
use meshroot_api::{Asked, VirtualMeshCertificateSigningRequest as Request};
use meshroot_runtime::process::clock;
use meshroot_view::full_name;

use super::give::{count, give};
use crate::commands::decision::{Decision, check, deny, user};
use crate::commands::related::request_file;
use crate::failure::Failure;
use crate::session::{Scope, Session};
use crate::terminal::Terminal;

/// What was answered.
enum Answer {
    Approve,
    Deny,
    Skip,
    Quit,
}

pub(super) async fn run(
    session: &Session,
    message: &str,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    if !stdin().is_terminal() {
        return Err(Failure::usage("no request is named, and there is no terminal to ask at")
            .fix("name requests, or list what waits with: meshroot get vmcsr -A"));
    }
    let user = user(session).await?;
    let waiting = waiting(session).await?;
    if waiting.is_empty() {
        return terminal.line("nothing waits for an approval");
    }
    let all = waiting.len();
    for (number, request) in waiting.into_iter().enumerate() {
        let file = Box::pin(request_file(session, request)).await?;
        let given = file.given(clock::now());
        if given.is_some_and(|given| given.people.iter().any(|person| person.user == user)) {
            let name = full_name(&file.request.metadata);
            terminal.line(format!("{name}: approved by you already"))?;
            continue;
        }
        terminal.line(format!("\n{} of {all}", number + 1))?;
        terminal.sheet(&file.sheet(clock::now()))?;
        match ask(terminal)? {
            Answer::Approve => approve(session, file.request, (&user, message), terminal).await?,
            Answer::Deny => refuse(session, &file.request, (&user, message), terminal).await?,
            Answer::Skip => {}
            Answer::Quit => return Ok(()),
        }
    }
    Ok(())
}

/// Those that people are asked about, the oldest first.
async fn waiting(session: &Session) -> Result<Vec<Request>, Failure> {
    let scope = session.global.namespace.clone().map_or(Scope::All, Scope::Namespace);
    let doing = format!("list vmcsr in {scope}");
    let mut all: Vec<Request> = session.list(&doing, &scope, &ListParams::default()).await?;
    let approve = Decision { verdict: ApprovalStatus::Approved, shown: None };
    all.retain(|request| {
        let is_open = matches!(request.state(), State::Unknown | State::ProcessingError);
        is_open && Asked::of(request).is_some() && check(request, &approve, clock::now()).is_ok()
    });
    all.sort_by_key(|request| request.metadata.creation_timestamp.as_ref().map(|time| time.0));
    Ok(all)
}

async fn approve(
    session: &Session,
    request: Request,
    (user, message): (&str, &str),
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    give(session, &request, user, message).await?;
    terminal.line(format!("approved {} as {user}", full_name(&request.metadata)))?;
    count(session, request, terminal).await
}

async fn refuse(
    session: &Session,
    request: &Request,
    (user, message): (&str, &str),
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let mut why = message.to_owned();
    while why.trim().is_empty() {
        terminal.print("Why? Whoever reads it must know what to change: ")?;
        if read(&mut why)? == 0 {
            return Ok(());
        }
    }
    deny(session, request, (user, why.trim()), clock::now()).await?;
    terminal.line(format!("denied {} as {user}", full_name(&request.metadata)))
}

fn ask(terminal: &mut Terminal) -> Result<Answer, Failure> {
    loop {
        terminal.print("Approve what would be signed? [y]es, [d]eny, [s]kip, [q]uit: ")?;
        let mut answer = String::new();
        if read(&mut answer)? == 0 {
            return Ok(Answer::Quit);
        }
        match answer.trim() {
            "y" | "Y" | "yes" => return Ok(Answer::Approve),
            "d" | "D" | "deny" => return Ok(Answer::Deny),
            "s" | "S" | "skip" => return Ok(Answer::Skip),
            "q" | "Q" | "quit" => return Ok(Answer::Quit),
            _ => {}
        }
    }
}

/// The number of bytes read; 0 at the end of input.
fn read(line: &mut String) -> Result<usize, Failure> {
    line.clear();
    Ok(stdin().read_line(line)?)
}
