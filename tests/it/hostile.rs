//! What an attacker can put on the wire: a real server behind the layer, requests written octet by octet or frame by
//! frame, key sets from an issuer that was taken over. Each class is tried in many variants.

mod grammar;
mod http1;
mod http2;
mod key_sets;
mod tokens;
