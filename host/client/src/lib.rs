//! The command line over the HTTP API. It knows HTTP and JSON, and none of the other rooms.
