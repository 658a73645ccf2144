//! `--plan`: what will be told, step by step.

use jiff::SignedDuration;
use meshroot_api::rotation::Step;
use meshroot_core::membership::Key;
use meshroot_core::rotation::{Forecast, Move, Rotation, Stage};
use serde_json::{Value, json};

use super::gather::Gathered;
use crate::failure::Failure;
use crate::session::Session;
use crate::terminal::Terminal;

pub(super) fn show(
    session: &Session,
    gathered: &Gathered,
    rotation: &Rotation,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let forecast = rotation.forecast();
    let format = session.global.output;
    if format.is_table() {
        for line in lines(gathered, rotation, &forecast) {
            terminal.line(line)?;
        }
    } else {
        terminal.print(&format.text(&value(rotation, &forecast))?)?;
    }
    match &forecast.blocked {
        None => Ok(()),
        Some(blocked) => Err(Failure::no(format!("the plan does not come to its end: {blocked}"))),
    }
}

fn lines(gathered: &Gathered, rotation: &Rotation, forecast: &Forecast) -> Vec<String> {
    let goal = rotation.goal().number;
    let mut lines = vec![format!(
        "virtual mesh {}: all members to root {goal}, in {} (nothing is changed by this)",
        gathered.key,
        steps(forecast.stages.len())
    )];
    for (number, stage) in (1..).zip(&forecast.stages) {
        lines.push(String::new());
        lines.push(format!("step {number}"));
        lines.extend(stage.confirms.map(|step| {
            format!("  once {} is confirmed: meshroot rotate confirm {}", step.word(), gathered.key)
        }));
        lines.extend(told(stage));
        lines.extend(
            stage.refusals.iter().map(|refusals| format!("  {}", refusals.sentence("earliest"))),
        );
        if stage.lasts > SignedDuration::ZERO {
            lines.push(format!(
                "  then at least {:#}, from when all have loaded it: the longest lifetime of a workload's certificate, and as much, \
                 five minutes at most, for clocks",
                stage.lasts
            ));
        }
    }
    let total = forecast.stages.iter().fold(SignedDuration::ZERO, |sum, stage| sum + stage.lasts);
    lines.push(String::new());
    lines.push(format!("{total:#} at least, all together"));
    lines.extend(rotation.exposure());
    lines.extend(rotation.too_late());
    lines
}

/// Who is told what at one time.
pub(super) fn told(stage: &Stage) -> Vec<String> {
    let mut lines = Vec::new();
    for (who, one) in grouped(stage) {
        lines.push(format!("  {who}"));
        lines.push(format!("    sends   {}", one.sends));
        lines.push(format!("    trusts  {}", one.trusts));
        if one.reissues {
            lines.push("    gets a new certificate for that".to_owned());
        }
        if one.restarts {
            lines.push("    its control plane must be restarted for that (spec.restart of the TrustPolicy)".to_owned());
        }
    }
    lines
}

fn steps(number: usize) -> String {
    if number == 1 { "1 step".to_owned() } else { format!("{number} steps") }
}

/// Members that are told the same together.
fn grouped(stage: &Stage) -> Vec<(String, &Move)> {
    let mut groups: Vec<(Vec<String>, &Move)> = Vec::new();
    for one in &stage.moves {
        let alike = |(_, other): &&mut (Vec<String>, &Move)| {
            (&other.sends, &other.trusts, other.reissues, other.restarts)
                == (&one.sends, &one.trusts, one.reissues, one.restarts)
        };
        match groups.iter_mut().find(alike) {
            Some((names, _)) => names.push(one.mesh.name.clone()),
            None => groups.push((vec![one.mesh.name.clone()], one)),
        }
    }
    groups.into_iter().map(|(names, one)| (names.join(", "), one)).collect()
}

fn references(meshes: &[Key]) -> Vec<Value> {
    let of = |mesh: &Key| json!({ "name": mesh.name, "namespace": mesh.namespace });
    meshes.iter().map(of).collect()
}

fn value(rotation: &Rotation, forecast: &Forecast) -> Value {
    let moves = |stage: &Stage| {
        let of = |one: &Move| {
            json!({
                "mesh": { "name": one.mesh.name, "namespace": one.mesh.namespace },
                "sends": one.sends, "trusts": one.trusts,
                "newCertificate": one.reissues, "restart": one.restarts,
            })
        };
        stage.moves.iter().map(of).collect::<Vec<Value>>()
    };
    let stages = forecast.stages.iter().map(|stage| {
        json!({
            "confirms": stage.confirms.map(Step::word),
            "members": moves(stage), "lastsSeconds": stage.lasts.as_secs(),
            "refusals": stage.refusals.as_ref().map(|refusals| json!({
                "by": references(&refusals.by), "of": references(&refusals.of),
                "until": refusals.until.map(|until| until.to_string()),
            })),
        })
    });
    let exposed = rotation.exposed().into_iter().map(|(mesh, until)| {
        json!({
            "mesh": { "name": mesh.name, "namespace": mesh.namespace },
            "until": until.map(|until| until.to_string()),
        })
    });
    json!({
        "root": rotation.goal().number, "steps": stages.collect::<Vec<Value>>(), "blocked": forecast.blocked,
        "trustingTainted": exposed.collect::<Vec<Value>>(),
    })
}
