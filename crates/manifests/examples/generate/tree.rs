//! Generated files, by their path from the repository's root.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Directories in which every file is generated.
const WHOLE_DIRECTORIES: [&str; 4] =
    ["deploy/crds", "deploy/monitoring", "deploy/policies", "deploy/rbac"];

/// What the files are to hold.
#[derive(Default)]
pub(crate) struct Tree(BTreeMap<String, String>);

impl Tree {
    pub(crate) fn add(&mut self, path: impl Into<String>, text: String) {
        self.0.insert(path.into(), text);
    }

    /// Writes each file, and removes from the directories that hold nothing else what is not in the tree.
    pub(crate) fn write(&self, root: &Path) -> Result<()> {
        for (path, text) in &self.0 {
            let file = root.join(path);
            if let Some(directory) = file.parent() {
                fs::create_dir_all(directory)
                    .with_context(|| format!("cannot create the directory of {path}"))?;
            }
            fs::write(&file, text).with_context(|| format!("cannot write {path}"))?;
        }
        for path in self.surplus(root)? {
            fs::remove_file(root.join(&path)).with_context(|| format!("cannot remove {path}"))?;
        }
        Ok(())
    }

    /// One line for each file that [`Tree::write`] would change.
    pub(crate) fn differences(&self, root: &Path) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        for (path, text) in &self.0 {
            match fs::read_to_string(root.join(path)) {
                Ok(found) if found == *text => {}
                Ok(_) => lines.push(format!("{path}: differs")),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    lines.push(format!("{path}: missing"));
                }
                Err(error) => return Err(error).with_context(|| format!("cannot read {path}")),
            }
        }
        lines.extend(
            self.surplus(root)?.into_iter().map(|path| format!("{path}: generated from nothing")),
        );
        Ok(lines)
    }

    fn surplus(&self, root: &Path) -> Result<Vec<String>> {
        let mut surplus = Vec::new();
        for directory in WHOLE_DIRECTORIES.iter().filter(|directory| root.join(directory).is_dir())
        {
            for entry in fs::read_dir(root.join(directory))? {
                let path = format!("{directory}/{}", entry?.file_name().to_string_lossy());
                if !self.0.contains_key(&path) {
                    surplus.push(path);
                }
            }
        }
        surplus.sort();
        Ok(surplus)
    }
}
