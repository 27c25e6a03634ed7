//! What is generated from `wit/`. Authors use the other modules of this crate.

#![allow(missing_docs, unsafe_code, unreachable_pub, clippy::pedantic, reason = "generated code")]

pub mod driver {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "driver",
        pub_export_macro: true,
        export_macro_name: "__export_driver",
    });
}

pub mod policy {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "policy",
        pub_export_macro: true,
        export_macro_name: "__export_policy",
        with: {
            "hostler:plugin/types@0.1.0": crate::bindings::driver::hostler::plugin::types,
            "hostler:plugin/events@0.1.0": crate::bindings::driver::hostler::plugin::events,
        },
    });
}
