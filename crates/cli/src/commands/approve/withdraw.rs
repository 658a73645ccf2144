//! Takes an approval back.

use meshroot_api::VirtualMeshCertificateSigningRequest as Request;
use meshroot_view::full_name;
use meshroot_view::kinds::Kind;

use super::give::remove;
use crate::commands::decision::{user, verdict};
use crate::failure::Failure;
use crate::locate::find_as;
use crate::session::Session;
use crate::terminal::Terminal;

pub(super) async fn run(
    session: &Session,
    names: &[String],
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let user = user(session).await?;
    for name in names {
        let request: Request = find_as(session, Kind::Request, name).await?;
        let name = full_name(&request.metadata);
        if let Some(verdict) = verdict(&request) {
            return Err(Failure::no(format!("request {name} was {verdict} already: an approval counts until then"))
                .fix("a certificate is not taken back by a decision: replace the root that signed it, or let it expire"));
        }
        if !remove(session, &request, &user).await? {
            return Err(Failure::no(format!("request {name} has no approval of {user}"))
                .fix(format!("see who approved it with: meshroot describe vmcsr {name}")));
        }
        terminal.line(format!("the approval of {name} by {user} is withdrawn"))?;
    }
    Ok(())
}
