//! The agent: makes keys and requests, installs what verifies, reports what the mesh loaded.
