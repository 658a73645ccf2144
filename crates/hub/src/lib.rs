//! The hub: validates, asks for approval, records, signs, distributes.
