//! The doors, as those see them who come through.

mod published;
