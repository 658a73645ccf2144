//! Memory of a process.

/// Bytes of a process that are in memory; `id` is a number or `self`.
pub fn bytes(id: &str) -> usize {
    let text = std::fs::read_to_string(format!("/proc/{id}/statm")).unwrap();
    let pages: usize = text.split(' ').nth(1).unwrap().parse().unwrap();
    pages * rustix::param::page_size()
}

pub const MIB: usize = 1024 * 1024;
