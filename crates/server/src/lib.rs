//! The doors of Handclasp: agents anywhere hand off over HTTP.
//!
//! A door translates and does nothing else: it reads a request, finds out on whose authority it comes,
//! and submits a command. Every endpoint is a row of one table ([`endpoints`]); the router, the
//! published OpenAPI and the test of who may do what are made from it. Read in this order:
//!
//! - [`wire`]: what crosses, as JSON. [`endpoints`]: the table. [`problem`]: every way of saying no.
//! - `api`: how a row becomes a route. `reading`: its JSON. `call`: one request. `once`: the same one again.
//! - [`openapi`]: the published document.
//! - `routes`: what each endpoint does. `house`: what they share.
//! - [`serve`]: the server around it, on an address. Before the doors stands `front`: `host`, `rate`, `request_log`;
//!   at them the `gate`, which knows [`keys`]. Below are `tls` and `connections`.

mod api;
mod call;
pub mod caller;
mod connections;
pub mod endpoints;
mod front;
mod gate;
mod host;
mod house;
pub mod keys;
pub mod limits;
mod once;
pub mod openapi;
pub mod problem;
mod rate;
mod reading;
mod request_log;
mod routes;
pub mod serve;
mod tls;
mod trace;

pub use self::caller::{Caller, Scope};
pub use self::house::House;
pub use self::serve::{Bound, Keys, Options, ServeError, Tls, serve};
pub use self::tls::TlsError;
pub use handclasp_wire as wire;
