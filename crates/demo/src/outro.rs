//! What to type next.

use std::ffi::OsStr;
use std::path::Path;

use super::VIRTUAL_MESH;
use super::member::Member;

/// After trust is established.
pub(super) fn next_steps(kubeconfig: &Path, prometheus: &Path, members: &[Member]) -> Vec<String> {
    let program = program();
    let mut commands = vec![
        (format!("export KUBECONFIG={}", quoted(kubeconfig.as_os_str())), ""),
        ("kubectl get vmcsr -A".to_owned(), "# the requests, and who approved them"),
        (
            format!("{program} describe vm {VIRTUAL_MESH}"),
            "# who has which certificate, and uses it",
        ),
        (
            format!("{program} rotate root {VIRTUAL_MESH} --watch"),
            "# another root, and nobody is cut off",
        ),
    ];
    if let Some(member) = members.last() {
        let inspect =
            format!("{program} --context {} inspect secret istio-system/cacerts", member.cluster);
        commands.push((
            format!("{program} renew {}", member.mesh),
            "# a new key and certificate, while you look here",
        ));
        commands.push((inspect, "# what the mesh was given"));
    }
    // The export stands alone and may be longer.
    let width = commands.iter().skip(1).map(|(command, _)| command.len()).max().unwrap_or_default();
    let mut lines = vec![String::new(), "  Next, in another terminal:".to_owned()];
    lines.extend(
        commands
            .iter()
            .map(|(command, why)| format!("    {command:<width$}   {why}").trim_end().to_owned()),
    );
    let metrics = format!(
        "  Metrics and alerts: prometheus --config.file={}",
        quoted(prometheus.as_os_str())
    );
    lines.extend([String::new(), metrics, "  Ctrl-C ends it.".to_owned()]);
    lines
}

/// While requests wait for a person.
pub(super) fn approval(kubeconfig: &Path, waiting: &[&Member]) -> Vec<String> {
    let program = program();
    let names: Vec<&str> = waiting.iter().map(|member| member.facts.request.as_str()).collect();
    let first = names.first().copied().unwrap_or_default();
    vec![
        String::new(),
        "  Nothing is signed before you decide. In another terminal:".to_owned(),
        format!("    export KUBECONFIG={}", quoted(kubeconfig.as_os_str())),
        format!("    {program} describe vmcsr {first}"),
        format!("    {program} approve {} --message CHG-1234", names.join(" ")),
        String::new(),
    ]
}

/// How this program is called: by its name where the shell finds it, else by its path, from here if it is below.
fn program() -> String {
    let Ok(path) = std::env::current_exe() else { return "meshroot".to_owned() };
    let directories = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&directories)
        .any(|directory| Some(directory.as_path()) == path.parent());
    if let Some(name) = path.file_name().filter(|_| on_path) {
        return quoted(name);
    }
    let here = std::env::current_dir().ok();
    quoted(here.and_then(|here| path.strip_prefix(here).ok()).unwrap_or(&path).as_os_str())
}

/// As a shell reads it back.
fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain =
        |character: char| character.is_ascii_alphanumeric() || "/._-+:@%,".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_quoted_where_a_shell_would_take_it_apart() {
        assert_eq!(
            quoted(OsStr::new("/tmp/meshroot-demo-x/kubeconfig")),
            "/tmp/meshroot-demo-x/kubeconfig"
        );
        assert_eq!(quoted(OsStr::new("/tmp/a b")), "'/tmp/a b'");
        assert_eq!(quoted(OsStr::new("it's")), r"'it'\''s'");
    }
}
