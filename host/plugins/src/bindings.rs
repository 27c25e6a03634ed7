//! The only place where bindings are generated from `wit/`.

/// The world `driver`.
pub(crate) mod driver {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "driver",
        imports: { default: async | trappable },
        exports: { default: async },
        with: {
            "hostler:plugin/secrets.secret": crate::host::secrets::SecretHandle,
            "hostler:plugin/ssh.session": crate::host::ssh::SessionHandle,
            "hostler:plugin/shell.shell": crate::host::shell::ShellHandle,
            "hostler:plugin/sftp.sftp": crate::host::sftp::SftpHandle,
            "hostler:plugin/sftp.file": crate::host::sftp::file::FileHandle,
            "hostler:plugin/local-files.local-file": crate::host::local_files::LocalFileHandle,
        },
    });
}

/// The world `policy`; it shares the interfaces that both import.
pub(crate) mod policy {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "policy",
        imports: { default: async | trappable },
        exports: { default: async },
        with: {
            "hostler:plugin/types": super::driver::hostler::plugin::types,
            "hostler:plugin/events": super::driver::hostler::plugin::events,
        },
    });
}

pub(crate) use driver::hostler::plugin::{
    clock, control, detached, events, local_files, random, results, secrets, sftp, shell, ssh, transfer, types,
};
