//! What an attacker can put on the wire: a real server behind the layer, requests written octet by octet or frame by
//! frame, key sets and introspection endpoints of an issuer that was taken over. Each class is tried in many variants.

mod grammar;
mod http1;
mod http2;
mod introspection;
mod key_sets;
mod tokens;
